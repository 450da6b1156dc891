// Template: the files of a new project, for a service that counts.

/** `name` like `my-service`; `sdk` for package.json. Paths are relative to the project. */
export function templateFiles(name: string, sdk: string): Readonly<Record<string, string>> {
  const service = name.split('-').map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('')
  const packageName = `${name.replaceAll('-', '_')}.v1`
  const manifest = {
    name,
    private: true,
    type: 'module',
    scripts: { build: 'inn build', test: 'node --test' },
    dependencies: { '@innkeeper/sdk': sdk },
    engines: { node: '>=22.18' },
  }
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(tsconfig, null, 2)}\n`,
    '.gitignore': 'node_modules/\nbuild/\n.innkeeper/\n',
    'README.md': readme(name, service, packageName),
    [`proto/${name}.proto`]: proto(name, service, packageName),
    'src/service.ts': source(name, service),
    'test/service.test.ts': test(name),
  }
}

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: [],
    strict: true,
    noEmit: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  },
  include: ['src'],
}

const proto = (name: string, service: string, packageName: string): string => `syntax = "proto3";

package ${packageName};

import "google/api/annotations.proto";
import "innkeeper/options.proto";

// Every id has a counter of its own.
service ${service} {
  rpc Add(AddRequest) returns (Value) {
    option (google.api.http) = {
      post: "/${name}/{id}/add"
      body: "*"
    };
  }

  rpc Get(GetRequest) returns (Value) {
    option (google.api.http) = {get: "/${name}/{id}"};
  }
}

message AddRequest {
  string id = 1 [(innkeeper.entity_key) = true];
  int64 amount = 2;
}

message GetRequest {
  string id = 1 [(innkeeper.entity_key) = true];
}

message Value {
  int64 value = 1;
}

// Event. What was added once is history: later versions of the service must still understand it.
message Added {
  int64 amount = 1;
}
`

const source = (name: string, service: string): string => `import { accept, eventSourced, refuse } from '@innkeeper/sdk'
import { Added, ${service} } from './gen/${name}.ts'

export default eventSourced(${service}, {
  state: { value: 0n },
  decide: {
    add: (_, { amount }) =>
      amount > 0n
        ? accept(Added({ amount })).reply((after) => ({ value: after.value }))
        : refuse('INVALID_ARGUMENT', \`amount must be positive, got \${amount}\`),
    get: (state) => accept().reply(state),
  },
  evolve: {
    Added: (state, { amount }) => ({ value: state.value + amount }),
  },
})
`

const test = (name: string): string => `import { test } from 'node:test'
import { testKit } from '@innkeeper/sdk/testing'
import { Added } from '../src/gen/${name}.ts'
import service from '../src/service.ts'

const { given } = testKit(service)

test('adds up', () => {
  given([Added({ amount: 2n })])
    .when('add', { id: 'a', amount: 3n })
    .then([Added({ amount: 3n })], { value: 5n })
})

test('refuses what is not positive', () => {
  given().when('add', { id: 'a', amount: 0n }).refuses('INVALID_ARGUMENT', /positive/)
})
`

const readme = (name: string, service: string, packageName: string): string => `# ${name}

A service for Innkeeper, event-sourced: \`proto/${name}.proto\` says what it can be asked, \`src/service.ts\` what it decides.

\`\`\`sh
npm install
npm test            # the rules, without a host
npx inn build       # build/${name}.wasm
npx inn up build/${name}.wasm
curl -X POST localhost:8080/${name}/a/add -d '{"amount": "2"}'
npx inn call ${packageName}.${service}/Get '{"id": "a"}'
\`\`\`

\`src/gen\` is written by \`inn build\` from the .proto; commit it, so that tests run on a fresh clone.
`
