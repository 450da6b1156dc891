// Settings: writes docs/reference/settings.md from the table of settings. Run it after a change there: node host/tools/settings.ts

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { settingHelps } from '../config.ts'

const path = fileURLToPath(new URL('../../docs/reference/settings.md', import.meta.url))

export function settingsPage(): string {
  const rows = settingHelps.map(({ name, help, default: byDefault }) => `| \`${name}\` | ${byDefault} | ${help} |`)
  return `# Settings

A setting is a flag of \`inn up\` (\`--deadline-ms 5000\`), a variable (\`INNKEEPER_DEADLINE_MS=5000\`) or a field of \`innkeeper.json\` in the folder
where the host starts (\`{"deadlineMs": 5000}\`). A flag overrides a variable, and a variable overrides the file. The host refuses to start
with an unknown name or a value out of range. \`inn up --print-config\` prints every setting with its value and its source.

\`host/tools/settings.ts\` writes this page from the code, and a test compares the two.

| setting | default | meaning |
| --- | --- | --- |
${rows.join('\n')}
`
}

/** As it is in the tree. */
export function settingsPageNow(): string {
  return readFileSync(path, 'utf8')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(path, settingsPage())
