/** Readable in both colour schemes, on paper and on a narrow screen. */
export const docsStyle = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--mono:ui-monospace,monospace}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:18rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line)}
nav h1{font-size:1.2rem;margin:0}
nav h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.05em;margin:1.2rem 0 .2rem}
nav a{display:block;color:inherit;text-decoration:none;padding:.1rem 0}
nav a:hover{text-decoration:underline}
nav p a{display:inline;text-decoration:underline}
main{padding:1rem 2rem;max-width:70rem}
article{border-top:1px solid var(--line);padding:1rem 0 2rem;scroll-margin-top:1rem}
h3{font-size:1.1rem}
h4{margin:1.2rem 0 .3rem}
small{opacity:.7}
em{font-style:normal;font-size:.8em;color:#b45309}
code,pre{font-family:var(--mono);font-size:.9em}
pre{background:var(--soft);padding:.7rem;overflow:auto;border-radius:.3rem}
table{border-collapse:collapse;width:100%}
td{border-top:1px solid var(--line);padding:.25rem .5rem .25rem 0;vertical-align:top}
.reply{border-top:1px solid var(--line);padding:.25rem 0}
summary{cursor:pointer}
b{font-family:var(--mono);font-size:.85em}
.GET{color:#0369a1}.POST{color:#15803d}.PUT,.PATCH{color:#b45309}.DELETE{color:#b91c1c}
.s2{color:#15803d}.s3{color:#0369a1}.s4{color:#b45309}.s5{color:#b91c1c}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border:0}main{padding:1rem}}
@media print{nav{display:none}body{display:block}}
`
