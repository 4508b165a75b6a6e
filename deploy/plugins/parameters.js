'use strict';

/**
 * Refuses wrong and unknown parameters before anything is sent, and says which; then builds what
 * is deployed. Used on both clouds.
 */

const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const Ajv = require('ajv');

const BUCKETS = {
  // COS: at most 60 characters with the appid (doc 436/13312).
  tencent: [/^(?=.{1,60}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?-\d{6,12}$/, 'name-appid, such as photos-1250000000'],
  aws: [/^(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, '3 to 63 small letters, digits, hyphens'],
};
// SCF: a bucket trigger is named by the bucket's host, and names over 60 bytes are not created,
// without a word.
const LONGEST_TRIGGER = 60;

class Parameters {
  constructor(serverless, options, { log }) {
    this.serverless = serverless;
    this.options = options;
    this.log = log;
    const build = () => this.build();
    this.hooks = {
      initialize: () => this.check(),
      'before:package:initialize': build,
      'before:package:function:package': build,
    };
  }

  get folder() {
    return this.serverless.serviceDir;
  }

  refuse(sentences) {
    throw new this.serverless.classes.Error(sentences.join('\n'), 'VINDROP_PARAMETER');
  }

  check() {
    const custom = this.serverless.service.custom;
    const cloud = custom.cloud;
    if (!(cloud in BUCKETS)) this.refuse([`CLOUD is '${cloud}': it takes tencent or aws`]);
    const schema = JSON.parse(fs.readFileSync(path.join(this.folder, 'deploy/parameters.schema.json')));
    const known = Object.keys(schema.properties);
    const wrong = this.given()
      .filter((name) => !known.includes(name))
      .map((name) => `params.${name}: there is no such parameter; serverless.yml lists them all`);
    const given = { ...custom.vindrop };
    const fits = new Ajv({ allErrors: true, coerceTypes: true, allowUnionTypes: true }).compile(schema);
    if (!fits(given)) {
      for (const error of fits.errors) wrong.push(this.sentence(error));
    }
    wrong.push(...this.together(cloud, given));
    if (wrong.length) this.refuse([...new Set(wrong)]);
  }

  /** Names of parameters from the command line and from serverless.yml, for this stage. */
  given() {
    const inFile = this.serverless.configurationInput.params || {};
    const stage = this.options.stage || this.serverless.service.provider.stage || 'dev';
    const names = [inFile.default, inFile[stage]].flatMap((some) => Object.keys(some || {}));
    const onCall = [this.options.param || []].flat().map((text) => String(text).split('=')[0]);
    return [...names, ...onCall];
  }

  sentence(error) {
    const at = `params${error.instancePath.replace(/\//g, '.')}`;
    if (error.keyword === 'additionalProperties') {
      return `${at}.${error.params.additionalProperty}: there is no such parameter`;
    }
    if (error.keyword === 'minLength') {
      return `${at}: is empty: set it in .env (BUCKET=…) or with --param="bucket=…"`;
    }
    const allowed = error.params.allowedValues ? `: ${error.params.allowedValues.join(', ')}` : '';
    return `${at}: ${error.message}${allowed}`;
  }

  together(cloud, given) {
    const wrong = [];
    const [pattern, form] = BUCKETS[cloud];
    if (given.bucket && !pattern.test(given.bucket)) {
      wrong.push(`params.bucket: '${given.bucket}' is no bucket's name on ${cloud}: it takes ${form}`);
    }
    if (cloud === 'tencent' && given.bucket) {
      const trigger = `${given.bucket}.cos.${given.region}.myqcloud.com`;
      if (Buffer.byteLength(trigger) > LONGEST_TRIGGER) {
        wrong.push(
          `params.bucket: the trigger would be named ${trigger}, ${Buffer.byteLength(trigger)} bytes; ` +
            `SCF creates none over ${LONGEST_TRIGGER}: use a bucket with a shorter name`
        );
      }
    }
    wrong.push(...this.names(cloud, given));
    for (const name of ['results', 'deadLetters', 'ledger']) {
      if (/(^| )(sqlite|file):/.test(given[name] || '')) {
        wrong.push(`params.${name}: a function's disk is not kept: use a database, queue or topic`);
      }
    }
    if (cloud === 'tencent' && given.vinocrImage && !(given.vinocrSecretId && given.vinocrSecretKey)) {
      wrong.push(
        'params.vinocrImage: our own VinOCR needs keys that callers sign with: set ' +
          'VINDROP_VINOCR_SECRET_ID and VINDROP_VINOCR_SECRET_KEY in .env to a pair you make up'
      );
    }
    if (cloud === 'aws') {
      for (const name of ['vinocrSecretId', 'vinocrSecretKey']) {
        if (!given[name]) {
          wrong.push(
            `params.${name}: is empty: on AWS no role can call VinOCR; set VINDROP_VINOCR_SECRET_ID ` +
              'and VINDROP_VINOCR_SECRET_KEY in .env'
          );
        }
      }
    }
    return wrong;
  }

  /** Everything is named after service and stage; the longest names are those of roles on AWS. */
  names(cloud, { region }) {
    const { name } = this.serverless.service.custom;
    if (cloud === 'tencent') {
      if (/^[A-Za-z][\w-]{0,40}$/.test(name)) return [];
      return ['stage: function names take up to 60 letters, digits, hyphens: use a shorter stage'];
    }
    const role = `${name}-workflow-${region}`;
    if (/^[A-Za-z][A-Za-z0-9-]*$/.test(name) && role.length <= 64) return [];
    return [
      `stage: a role would be named ${role}; AWS takes up to 64 letters, digits, hyphens: use a shorter stage`,
    ];
  }

  /** Layers and function packages, for exactly what is deployed. The same input gives the same bytes. */
  build() {
    const custom = this.serverless.service.custom;
    const given = custom.vindrop;
    const layout = custom.cloud === 'aws' ? 'lambda' : 'scf';
    const python = [process.env.VINDROP_PYTHON, path.join(this.folder, '.venv/bin/python')].find(
      (candidate) => candidate && fs.existsSync(candidate)
    );
    if (!python) this.refuse(['.venv is missing: run `make setup`; the layers are built by it']);
    const layers = ['dependencies', 'vindrop', 'photo', 'console', ...clients(given, custom.cloud)];
    const words = ['-m', 'layers.dependencies', '--layout', layout, '--python', String(custom.python)];
    words.push('--arch', 'x86_64', ...layers.flatMap((name) => ['--layer', name]));
    const done = spawnSync(python, words, { cwd: this.folder, encoding: 'utf8' });
    if (done.status !== 0) {
      this.refuse([(done.stderr || String(done.error)).trim()]);
    }
    this.log.verbose(done.stdout);
  }
}

const CLIENTS = {
  postgresql: /(^| )postgres(ql)?:/,
  mysql: /(^| )(mysql|mariadb):/,
  kafka: /(^| )kafka:/,
  amqp: /(^| )amqps?:/,
  redis: /(^| )rediss?:/,
  aws: /(^| )(sqs|sns|dynamodb|eventbridge):/,
};

/** Layers with the clients that the URLs of `given` ask for; Lambda brings the one for AWS. */
function clients(given, cloud) {
  const urls = `${given.results} ${given.deadLetters} ${given.ledger}`;
  return Object.keys(CLIENTS).filter(
    (name) => CLIENTS[name].test(urls) && !(name === 'aws' && cloud === 'aws')
  );
}

module.exports = Parameters;
module.exports.clients = clients;
