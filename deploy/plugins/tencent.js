'use strict';

/**
 * Provider `tencent` for osls: deploy, info, remove. Functions and triggers go through
 * tencent-component-toolkit, the deploy code of Tencent's own components; roles and logs, which it
 * does not do by name, through the official SDK.
 */

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const Api = require('../tencent/api');
const roles = require('../tencent/roles');
const logs = require('../tencent/logs');
const storage = require('../tencent/storage');
const { functionInput, vinocrInput } = require('../tencent/inputs');
const { clients } = require('./parameters');

const text = { type: 'string' };
const whole = (minimum, maximum) => ({ type: 'integer', minimum, maximum });
const strings = { type: 'object', additionalProperties: text };
const shape = (properties) => ({ type: 'object', properties, additionalProperties: false });

class Tencent {
  static getProviderName() {
    return 'tencent';
  }

  constructor(serverless, options, { log, progress, writeText }) {
    Object.assign(this, { serverless, options, log, progress, writeText });
    serverless.setProvider('tencent', this);
    serverless.configSchemaHandler.defineProvider('tencent', {
      provider: {
        properties: {
          region: text,
          runtime: { const: 'Python3.10' },
          memorySize: whole(64, 3072),
          timeout: whole(1, 900),
          environment: strings,
          logs: shape({ days: whole(1, 3600) }),
          alarms: text,
          vpc: shape({ id: text, subnet: text }),
        },
      },
      function: {
        properties: {
          description: text,
          memorySize: whole(64, 3072),
          timeout: whole(1, 900),
          package: shape({ artifact: text }),
          layer: text,
          concurrency: whole(0, 1000),
          retries: whole(0, 2),
          environment: strings,
        },
      },
      layers: { type: 'object' },
      resources: { type: 'object' },
    });
    serverless.configSchemaHandler.defineFunctionEvent('tencent', 'cos', shape({ bucket: text, prefix: text }));
    serverless.configSchemaHandler.defineFunctionEvent('tencent', 'timer', shape({ cron: text }));
    serverless.configSchemaHandler.defineFunctionEvent('tencent', 'url', shape({}));
    this.hooks = {
      'deploy:deploy': () => this.quietly(() => this.deploy()),
      'info:info': () => this.quietly(() => this.info()),
      'remove:remove': () => this.quietly(() => this.remove()),
    };
  }

  get service() {
    return this.serverless.service;
  }

  get given() {
    return this.service.custom.vindrop;
  }

  get name() {
    return this.service.custom.name;
  }

  /** bucket-appid names the account. */
  get appid() {
    return this.given.bucket.split('-').pop();
  }

  get photos() {
    return { Bucket: this.given.bucket, Region: this.given.region };
  }

  get codeBucket() {
    return `${this.name}-code-${this.appid}`;
  }

  /** The toolkit prints its progress, in Chinese, on stdout. */
  async quietly(work) {
    const print = console.log;
    console.log = (...words) => this.log.verbose(words.map(String).join(' '));
    const { TENCENT_SECRET_ID: secretId, TENCENT_SECRET_KEY: secretKey, TENCENT_TOKEN: token } = process.env;
    if (!secretId || !secretKey) {
      throw new this.serverless.classes.Error(
        'no keys: set TENCENT_SECRET_ID and TENCENT_SECRET_KEY in .env, of a sub-account that may deploy',
        'VINDROP_KEYS'
      );
    }
    this.credentials = { SecretId: secretId, SecretKey: secretKey, ...(token ? { Token: token } : {}) };
    const endpoint = process.env.TENCENT_ENDPOINT_URL;
    this.api = new Api({ secretId, secretKey, token, region: this.given.region, endpoint });
    const restore = this.api.takeOver();
    try {
      await work();
    } catch (error) {
      if (error.code || error.reqId) {
        throw new this.serverless.classes.Error(`${error.message} (${error.code || 'no code'})`, 'VINDROP_CLOUD');
      }
      throw error;
    } finally {
      restore();
      console.log = print;
    }
  }

  toolkit(part) {
    const Class = require('tencent-component-toolkit')[part];
    return new Class(this.credentials, this.given.region);
  }

  cos() {
    const Class = require('tencent-component-toolkit').Cos;
    const proxy = process.env.TENCENT_COS_PROXY;
    return new Class(
      { ...this.credentials, ...(proxy ? { Proxy: proxy, Protocol: 'http:' } : { Protocol: 'https:' }) },
      this.given.region
    );
  }

  async deploy() {
    const step = this.progress.create({ name: 'tencent', message: 'Roles' });
    try {
      const { OwnerUin, AccountId } = { OwnerUin: '', ...(await this.api.call('sts', 'GetCallerIdentity')) };
      const documents = this.policies(OwnerUin || AccountId);
      for (const [part, document] of Object.entries(documents)) {
        await roles.ensure(this.api, `${this.name}-${part}`, document, `vindrop ${part}`);
      }
      step.update('Logs');
      const places = await logs.ensure(this.api, this.name, Number(this.given.logDays));
      const cos = this.cos();
      await cos.createBucket({ bucket: this.codeBucket });
      step.update('Bucket');
      await storage.ensure(cos.cosClient, this.photos, this.given.uploadPrefix);
      step.update('Layers');
      const layers = await this.publishLayers(cos);
      if (this.given.vinocrImage) {
        step.update('Function vinocr');
        await this.deployVinOCR(places);
      }
      for (const [part, one] of Object.entries(this.service.functions)) {
        step.update(`Function ${part}`);
        // Its place is the last of five: where the clients of databases and queues take it, the
        // function answers that the console is not installed, and everything else works.
        const own = one.layer && layers.length < 5 ? [await this.publishLayer(cos, one.layer)] : [];
        if (one.layer && !own.length) {
          this.log.warning(`${part}: no room for the layer ${one.layer}, SCF takes 5: the console is not served`);
        }
        await this.deployFunction(part, [...layers, ...own], places, cos);
      }
      if (this.given.alarms) {
        step.update('Alarms');
        await logs.ensureAlarms(this.api, this.name, places, this.given.alarms, Number(this.given.rate));
      } else {
        this.log.warning('ALARMS is empty: no alarms are made; set it to the id of a CLS notice group');
      }
    } finally {
      step.remove();
    }
    this.log.success(`${this.name} is deployed to ${this.given.region}`);
    await this.info();
  }

  policies(uin) {
    const { region, bucket, prefix, uploadPrefix, results, deadLetters, ledger, vinocrSecretId } = this.given;
    return roles.policies({
      region,
      appid: this.appid,
      uin,
      bucket,
      prefix,
      uploadPrefix,
      urls: `${results} ${deadLetters} ${ledger}`,
      ownVinocr: Boolean(vinocrSecretId), // it is called with these keys, not with the role's
    });
  }

  /** Uploads a zip under its own hash, so that one that is there already is the same. */
  async upload(cos, file) {
    const digest = crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    const object = `${path.basename(file, '.zip')}-${digest.slice(0, 16)}.zip`;
    await cos.upload({ bucket: this.codeBucket, file, key: object });
    return { bucket: this.codeBucket, object, digest };
  }

  async publishLayer(cos, part) {
    const folder = path.join(this.serverless.serviceDir, 'build/layers', `scf-${this.service.custom.python}-x86_64`);
    const name = `${this.name}-${part}`;
    const { bucket, object, digest } = await this.upload(cos, path.join(folder, `${part}.zip`));
    const description = `sha256 ${digest}`;
    const found = await this.api.look('scf', 'ListLayerVersions', { LayerName: name });
    const same = ((found && found.LayerVersions) || []).find((one) => one.Description === description);
    const version = same
      ? same.LayerVersion
      : (await this.toolkit('Layer').deploy({ name, bucket, object, description, runtimes: [this.service.provider.runtime] })).version;
    return { name, version };
  }

  async publishLayers(cos) {
    const published = [];
    for (const part of ['dependencies', 'vindrop', 'photo', ...clients(this.given, 'tencent')]) {
      published.push(await this.publishLayer(cos, part));
    }
    if (published.length > 5) {
      throw new this.serverless.classes.Error(
        `the URLs ask for ${published.length} layers, SCF takes 5: use fewer kinds of destinations`,
        'VINDROP_LAYERS'
      );
    }
    return published;
  }

  /** First, since the others are told its address. */
  async deployVinOCR(places) {
    const name = `${this.name}-vinocr`;
    await this.toolkit('Scf').deploy(vinocrInput({ service: this.service, name, logs: places }));
    const [url] = await this.addresses(name);
    if (!url) {
      throw new this.serverless.classes.Error(`${name} has no function URL: deploy once more`, 'VINDROP_URL');
    }
    const { environment } = this.service.provider;
    environment.VINDROP_VINOCR_ENDPOINT = url.trim();
    if (environment.VINDROP_RECOGNIZERS) {
      environment.VINDROP_RECOGNIZERS = environment.VINDROP_RECOGNIZERS.replaceAll('$VINOCR', url.trim());
    }
  }

  async deployFunction(part, layers, places, cos) {
    const one = this.service.functions[part];
    const name = `${this.name}-${part}`;
    const code = await this.upload(cos, path.join(this.serverless.serviceDir, one.package.artifact));
    await this.toolkit('Scf').deploy(
      functionInput({ service: this.service, part, name, layers, logs: places, code: { bucket: code.bucket, object: code.object } })
    );
    // The toolkit's own way to set retries crashes at the first deployment.
    await this.api.call('scf', 'UpdateFunctionEventInvokeConfig', {
      FunctionName: name,
      Namespace: 'default',
      AsyncTriggerConfig: { RetryConfig: [{ RetryNum: Number(one.retries ?? 2) }], MsgTTL: 21600 },
    });
    if (Number(one.concurrency) > 0) {
      // Reserved in megabytes: instances at once × memory of each.
      const memory = Number(one.memorySize || this.service.provider.memorySize);
      await this.api.call('scf', 'PutReservedConcurrencyConfig', {
        FunctionName: name,
        Namespace: 'default',
        ReservedConcurrencyMem: Number(one.concurrency) * memory,
      });
    }
  }

  async info() {
    const lines = [];
    for (const part of Object.keys(this.service.functions)) {
      const name = `${this.name}-${part}`;
      const found = await this.api.look('scf', 'GetFunction', { FunctionName: name, Namespace: 'default' });
      lines.push(`${name}: ${found ? found.Status : 'not deployed'}`);
      if (found && part === 'http') lines.push(...(await this.addresses(name)));
    }
    const topic = await logs.topicOf(this.api, this.name);
    if (topic) lines.push(`log topic ${this.name}: ${topic} in ${this.given.region}`);
    this.writeText(lines.join('\n'));
  }

  /** A deployed function's environment; null where it is not deployed. */
  async settings(name) {
    let variables = null;
    await this.quietly(async () => {
      const found = await this.api.look('scf', 'GetFunction', { FunctionName: name, Namespace: 'default' });
      variables = found && found.Environment.Variables;
    });
    return variables && Object.fromEntries(variables.map(({ Key, Value }) => [Key, Value]));
  }

  async addresses(name) {
    const { Triggers } = await this.api.call('scf', 'ListTriggers', { FunctionName: name, Namespace: 'default' });
    const urls = (Triggers || []).flatMap((one) => /https?:\/\/[^"\\]+/.exec(one.TriggerDesc || '') || []);
    return urls.map((url) => `  ${url}`);
  }

  /** Everything but the photos' bucket and the databases: those are yours. */
  async remove() {
    for (const part of ['vinocr', ...Object.keys(this.service.functions)]) {
      await this.toolkit('Scf').remove({ functionName: `${this.name}-${part}`, namespace: 'default' });
    }
    for (const part of ['dependencies', 'vindrop', 'photo', 'console', 'postgresql', 'mysql', 'kafka', 'amqp', 'redis', 'aws']) {
      const LayerName = `${this.name}-${part}`;
      const found = await this.api.look('scf', 'ListLayerVersions', { LayerName });
      for (const { LayerVersion } of (found && found.LayerVersions) || []) {
        await this.api.call('scf', 'DeleteLayerVersion', { LayerName, LayerVersion });
      }
    }
    await logs.remove(this.api, this.name);
    for (const part of Object.keys(this.policies('0'))) await roles.remove(this.api, `${this.name}-${part}`);
    const cos = this.cos();
    await storage.remove(cos.cosClient, this.photos);
    await cos.remove({ bucket: this.codeBucket });
    this.log.success(`${this.name} is removed; the bucket with the photos and your databases are as they were`);
  }
}

module.exports = Tencent;
