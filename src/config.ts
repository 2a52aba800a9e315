/** `holdfast/config`: for the project file of the command line, holdfast.config.ts. */
export {
  defineConfig,
  type ModuleMigrations,
  type ProjectConfig,
  type ReviewSettings,
} from './cli/config.ts'
