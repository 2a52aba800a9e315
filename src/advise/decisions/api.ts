/** Decisions about how others talk to the backend. */
import { above, all, any, below, decision, is, no, yes } from '../decision.ts'
import { sources } from '../sources.ts'

export const transport = decision({
  id: 'transport',
  title: 'Transport',
  rule: 'REST with a description for others, typed calls for your own clients, SSE before WebSocket.',
  question: 'REST, GraphQL, typed RPC, gRPC, WebSocket, SSE or webhooks?',
  version: '2026-11-21',
  related: ['graphql-safely', 'realtime-resume', 'webhooks-out'],
  options: {
    rest: {
      name: 'REST with OpenAPI',
      cost: 'several requests for a screen, or endpoints per screen',
    },
    rpc: {
      name: 'Typed RPC for TypeScript clients',
      cost: 'clients and server share one language',
    },
    graphql: {
      name: 'GraphQL',
      cost: 'depth, cost and N+1 must be bounded; no HTTP caching; authorisation per field',
    },
    grpc: {
      name: 'gRPC',
      cost: 'no browsers without a proxy, long connections defeat simple balancers',
    },
    sse: {
      name: 'REST and server-sent events',
      cost: 'one way only; an open connection per client',
    },
    websocket: {
      name: 'REST and WebSocket',
      cost: 'resume, backpressure, authentication and drain are yours to build',
    },
    webhooks: {
      name: 'REST and signed webhooks',
      cost: 'retries, signatures, replay and a portal; receivers must deduplicate',
    },
  },
  branches: [
    {
      when: is('serverPush', 'systems'),
      pick: 'webhooks',
      why: 'Other companies will not hold a connection to you: post signed facts, and let them be replayed.',
    },
    {
      when: is('serverPush', 'dialogue'),
      pick: 'websocket',
      why: 'Both sides speak at any time, many times a second: that is what a socket is for.',
    },
    {
      when: is('serverPush', 'updates'),
      pick: 'sse',
      why: 'One direction: plain HTTP, resumed by Last-Event-ID, through every proxy.',
    },
    {
      when: all(is('callers', 'services'), above('internalCallsPerSecond', 5000)),
      pick: 'grpc',
      why: 'Many small calls between services: multiplexed connections, deadlines and compact messages are worth their tools.',
    },
    {
      when: all(yes('fieldsVary'), is('callers', 'own-web'), above('teams', 1)),
      pick: 'graphql',
      why: 'Several front ends compose one graph differently; let them ask, within limits that you set.',
    },
    {
      when: all(yes('clientsPerTypescript'), is('callers', 'own-web')),
      pick: 'rpc',
      why: 'One language in one repository: the compiler is the contract.',
    },
  ],
  otherwise: {
    pick: 'rest',
    why: 'Everybody can call it, cache it, log it and describe it; it is never wrong for a public API.',
  },
  notes: [
    {
      when: is('callers', 'partners', 'machines'),
      say: 'Whatever else there is, keep a REST door with an OpenAPI description for callers that you do not know.',
    },
    {
      when: above('internalCallsPerSecond', 1000),
      say: 'Before a faster protocol, look for chatty calls: one call for a list beats a hundred fast ones.',
    },
  ],
  flips: [
    { at: 'a screen makes more than about six dependent requests', to: 'graphql' },
    { at: 'serialisation is above 20 % of CPU between services', to: 'grpc' },
  ],
  measure: ['requests per screen', 'open connections per process and bytes each keeps'],
  uncertainty:
    'The bounds in calls per second are rules of thumb; payload sizes move them tenfold.',
  sources: [sources.serverSentEvents, sources.graphqlSecurity, sources.grpcPerformance],
})

export const authentication = decision({
  id: 'authentication',
  title: 'Authentication',
  rule: 'Sessions in cookies for browsers, keys for machines, OIDC where others own the login; JWT only between systems.',
  question: 'Sessions, JWT, OIDC or API keys?',
  version: '2026-11-21',
  related: ['sessions-cookies', 'oidc-pkce', 'api-keys-hmac', 'jwt-alg-confusion'],
  options: {
    sessions: {
      name: 'Sessions in the database, HttpOnly cookies',
      cost: 'one lookup per request (cacheable for seconds), CSRF protection',
    },
    oidc: {
      name: 'OIDC (code flow with PKCE) to a provider, sessions of your own behind it',
      cost: 'a provider in the path of every login',
    },
    jwt: {
      name: 'Short-lived signed tokens with rotation of keys',
      cost: 'cannot be revoked before they expire; algorithm, audience and expiry must each be checked',
    },
    keys: {
      name: 'API keys, stored as hashes, with scopes',
      cost: 'long-lived secrets that customers leak',
    },
  },
  branches: [
    {
      when: yes('enterpriseLogin'),
      pick: 'oidc',
      why: 'Customers bring their identity provider; your own session behind it keeps logout and limits in your hands.',
    },
    {
      when: no('browserLogin'),
      pick: 'keys',
      why: 'Scripts have no browser: a key per client, hashed, scoped, with two valid at once so that it can be rotated.',
    },
    {
      when: all(yes('verifiedElsewhere'), above('revokeSeconds', 299)),
      pick: 'jwt',
      why: 'Others verify without asking you, and five minutes of a stolen token are accepted.',
    },
  ],
  otherwise: {
    pick: 'sessions',
    why: 'Revoked at once, nothing to steal from script, nothing to parse: the lookup costs less than the doubt.',
  },
  notes: [
    {
      when: all(yes('verifiedElsewhere'), below('revokeSeconds', 300)),
      say: 'Verified elsewhere and revoked quickly exclude each other: give the others introspection, or tokens of one minute behind your sessions.',
    },
    {
      when: is('callers', 'services'),
      say: 'Between your own services use workload identity or signed requests; a user token passed on is a privilege passed on.',
    },
  ],
  flips: [
    {
      at: 'session lookups above 10 % of database time, after caching them for 5 to 60 s',
      to: 'jwt',
    },
  ],
  measure: [
    'seconds from "log out everywhere" to the last accepted request',
    'failed logins per account and per address',
  ],
  uncertainty:
    'Which threats matter is a threat model, and that is a question for security, not for this page.',
  sources: [sources.sessions, sources.jwt, sources.jwtPractice, sources.oauthPractice],
})

export const versioning = decision({
  id: 'versioning',
  title: 'API versions',
  rule: 'Add, do not break; when it must be, a version in the path, both served, the old one with a date.',
  question: 'How do API changes reach clients?',
  version: '2026-11-21',
  related: ['api-versioning'],
  options: {
    none: { name: 'No versions: additive changes only', cost: 'old fields stay for ever' },
    path: {
      name: 'A version in the path (/v1), with Deprecation and Sunset',
      cost: 'two shapes of an operation until the last client has moved',
    },
    dated: {
      name: 'Dated versions pinned per client, mapped step by step',
      cost: 'every change is a module that maps both ways, kept for ever',
    },
    header: {
      name: 'A version in a header',
      cost: 'invisible in logs, caches and links',
    },
  },
  branches: [
    {
      when: is('clientsUpgrade', 'with-server'),
      pick: 'none',
      why: 'Client and server are released together: bridge the minutes of a deploy with additive changes.',
    },
    {
      when: all(is('clientsUpgrade', 'never'), above('breakingPerYear', 3)),
      pick: 'dated',
      why: 'Public clients never move and you change often: pin each client to a date, and map between dates.',
    },
    {
      when: all(is('callers', 'services'), is('clientsUpgrade', 'months')),
      pick: 'header',
      why: 'Inside, paths are wired into routers and clients are known: a header moves one client at a time.',
    },
  ],
  otherwise: {
    pick: 'path',
    why: 'Seen in every log and link, cached apart, removed when its usage is zero.',
  },
  notes: [
    {
      when: is('clientsUpgrade', 'months', 'never'),
      say: 'Count requests per version and client from the first day: a version is removed when its number is zero, not when its date has come.',
    },
  ],
  flips: [{ at: 'more than two versions of one operation served at once', to: 'dated' }],
  measure: [
    'requests per version and client, weekly',
    'a diff of the description in CI that fails on breaking changes',
  ],
  uncertainty:
    'Six to twelve months between deprecation and removal is custom, not rule; contracts go first.',
  sources: [sources.stripeVersions, sources.deprecation],
})

export const errorStyle = decision({
  id: 'error-style',
  title: 'Error style',
  rule: 'Problem details with a stable code; nothing of the inside.',
  question: 'What does a caller get when something fails?',
  version: '2026-11-21',
  related: ['problem-details'],
  options: {
    problem: {
      name: 'RFC 9457 problem details with a stable code per kind',
      cost: 'every error needs a name and a page',
    },
    typed: {
      name: 'Typed errors as part of the return type (RPC)',
      cost: 'only for clients of the same language',
    },
    grpc: {
      name: 'gRPC status with details',
      cost: 'sixteen codes; details are opaque to browsers',
    },
    graphql: {
      name: 'Errors as union types in the schema, problem codes in extensions',
      cost: 'clients must select them; status is always 200',
    },
  },
  branches: [
    {
      when: all(is('callers', 'services'), above('internalCallsPerSecond', 5000)),
      pick: 'grpc',
      why: 'Where calls are gRPC, its status codes are what retries, balancers and meters understand.',
    },
    {
      when: all(yes('fieldsVary'), is('callers', 'own-web'), above('teams', 1)),
      pick: 'graphql',
      why: 'Where screens ask a graph, an expected failure is a type among others.',
    },
    {
      when: all(yes('clientsPerTypescript'), is('callers', 'own-web')),
      pick: 'typed',
      why: 'The compiler makes the client handle each declared failure; over the wire it is still a problem document.',
    },
  ],
  otherwise: {
    pick: 'problem',
    why: 'One shape for 404, 422 and 503, read by people and programs; a code to branch on, a request id to report.',
  },
  notes: [
    {
      when: any(is('callers', 'partners', 'machines'), yes('moneyOrStock')),
      say: 'Say for each problem whether a retry may help (and after how long): clients retry what they do not understand.',
    },
  ],
  flips: [{ at: 'callers parse your messages to find out what happened', to: 'problem' }],
  measure: ['share of errors without a declared code', 'support tickets that quote an error text'],
  uncertainty: 'Nothing here turns on numbers: it turns on who calls.',
  sources: [sources.problemDetails, sources.googleErrors],
})
