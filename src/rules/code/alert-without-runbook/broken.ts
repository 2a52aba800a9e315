/** At four in the morning: what is broken, for whom, and what do I do? */
export const alert = { name: 'HighErrorRate', expr: 'errors > 10' }
