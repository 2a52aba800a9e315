/** What reaches beyond the database: HTTP clients, queues, brokers, caches, mail, payments, storage. */
import { does, type Library } from './library.ts'

const requests = (...names: readonly string[]) => does('request', ...names)
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'request', '()'] as const

const axios: Library = {
  id: 'axios',
  title: 'axios',
  kind: 'http',
  packages: ['axios', '@nestjs/axios'],
  handles: ['default', 'axios', 'create', 'AxiosInstance', 'Axios', 'HttpService'],
  usualNames: /^axios$/,
  verbs: requests(...METHODS, 'postForm', 'putForm'),
  says: { timeout: 'axios.create({ timeout: 5_000 })' },
}

const got: Library = {
  id: 'got',
  title: 'got',
  kind: 'http',
  packages: [
    'got',
    'ky',
    'superagent',
    'undici',
    'node-fetch',
    'cross-fetch',
    'request',
    'request-promise',
    'needle',
    'ofetch',
  ],
  handles: ['default', 'got', 'ky', 'extend', 'create', 'fetch', 'request', 'ofetch', '$fetch'],
  verbs: requests(...METHODS),
  says: { timeout: 'got(url, { timeout: { request: 5_000 } })' },
}

const queue: Library = {
  id: 'bullmq',
  title: 'BullMQ',
  kind: 'message',
  packages: ['bullmq', 'bull', '@nestjs/bullmq', '@nestjs/bull', 'bee-queue', 'agenda', 'pg-boss'],
  handles: ['Queue', 'FlowProducer', 'default', 'PgBoss', 'Agenda'],
  verbs: does('publish', 'add', 'addBulk', 'createJob', 'send', 'now', 'schedule'),
  says: {},
}

const broker: Library = {
  id: 'broker',
  title: 'a message broker',
  kind: 'message',
  packages: [
    'kafkajs',
    'amqplib',
    'nats',
    '@nats-io/',
    '@aws-sdk/client-sqs',
    '@aws-sdk/client-sns',
    '@google-cloud/pubsub',
    '@azure/service-bus',
    '@nestjs/microservices',
    'rascal',
  ],
  handles: ['*'],
  verbs: does(
    'publish',
    'send',
    'sendBatch',
    'publish',
    'sendToQueue',
    'publishMessage',
    'publishJSON',
    'sendMessages',
    'emit',
  ),
  says: {},
}

const redis: Library = {
  id: 'ioredis',
  title: 'Redis',
  kind: 'cache',
  packages: [
    'ioredis',
    'redis',
    '@upstash/redis',
    'keyv',
    'cache-manager',
    '@nestjs/cache-manager',
    'node-cache',
    'lru-cache',
  ],
  handles: [
    'default',
    'Redis',
    'Cluster',
    'createClient',
    'createCluster',
    'Keyv',
    'Cache',
    'RedisClientType',
    'LRUCache',
    'NodeCache',
    'caching',
  ],
  usualNames: /^(?:redis|redisClient)$/,
  verbs: {
    ...does('cache-read', 'get', 'mget', 'hget', 'hgetall', 'exists', 'has'),
    ...does(
      'cache-write',
      'set',
      'setex',
      'psetex',
      'setEx',
      'hset',
      'hSet',
      'mset',
      'setnx',
      'setNX',
      'incr',
    ),
    ...does(
      'cache-delete',
      'del',
      'unlink',
      'delete',
      'hdel',
      'expire',
      'flushdb',
      'flushall',
      'clear',
    ),
    ...does('publish', 'publish', 'xadd', 'lpush', 'rpush'),
  },
  says: {},
}

const mail: Library = {
  id: 'mail',
  title: 'mail',
  kind: 'mail',
  packages: [
    'nodemailer',
    '@sendgrid/mail',
    'resend',
    'postmark',
    'mailgun.js',
    '@aws-sdk/client-ses',
    '@aws-sdk/client-sesv2',
    '@mailchimp/mailchimp_transactional',
    '@nestjs-modules/mailer',
    'twilio',
  ],
  handles: ['*'],
  verbs: does('mail', 'sendMail', 'send', 'sendEmail', 'sendMultiple', 'sendTemplate', 'create'),
  says: {},
}

const payment: Library = {
  id: 'payment',
  title: 'the payment provider',
  kind: 'payment',
  packages: [
    'stripe',
    'braintree',
    '@paypal/',
    'square',
    '@adyen/api-library',
    'razorpay',
    '@mollie/api-client',
    'plaid',
  ],
  handles: ['*'],
  usualNames: /^stripe$/i,
  verbs: {
    ...does(
      'pay',
      'create',
      'capture',
      'confirm',
      'refund',
      'sale',
      'cancel',
      'pay',
      'payments',
      'update',
    ),
    ...requests('retrieve', 'list', 'search', 'del'),
  },
  says: {},
}

const storage: Library = {
  id: 'storage',
  title: 'object storage',
  kind: 'storage',
  packages: [
    '@aws-sdk/client-s3',
    '@google-cloud/storage',
    '@azure/storage-blob',
    'minio',
    'aws-sdk',
    '@aws-sdk/lib-storage',
  ],
  handles: ['*'],
  verbs: does('store', 'send', 'upload', 'putObject', 'getObject', 'deleteObject', 'save', 'done'),
  says: {},
}

const search: Library = {
  id: 'search',
  title: 'the search engine',
  kind: 'http',
  packages: [
    '@elastic/elasticsearch',
    'algoliasearch',
    'meilisearch',
    'typesense',
    'openai',
    '@anthropic-ai/sdk',
    '@slack/web-api',
    '@octokit/rest',
  ],
  handles: ['*'],
  verbs: requests(
    'search',
    'index',
    'bulk',
    'saveObject',
    'saveObjects',
    'addDocuments',
    'create',
    'postMessage',
  ),
  says: {},
}

export const services: readonly Library[] = [
  axios,
  got,
  queue,
  broker,
  redis,
  mail,
  payment,
  storage,
  search,
]
