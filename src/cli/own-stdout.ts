/**
 * Takes standard output for what is answered: whatever else prints, such as code of the project that
 * is loaded, goes to standard error from then on.
 */
export function ownStdout(): NodeJS.WriteStream {
  const output = Object.create(process.stdout) as NodeJS.WriteStream
  output.write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
  return output
}
