'use strict';

/** The little that osls does not do itself for AWS: client layers that URLs ask for, and tidy settings. */

const { layer } = require('../aws/layers');
const { clients } = require('./parameters');

class AWS {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = {
      'before:package:initialize': () => this.prepare(),
      'before:package:finalize': () => this.tidy(),
    };
  }

  prepare() {
    const { service } = this.serverless;
    const { vindrop: given, python, name } = service.custom;
    for (const part of clients(given, 'aws')) {
      service.layers[part] = layer(name, python, part, `the client for ${part}`);
      const logical = `${part[0].toUpperCase()}${part.slice(1)}LambdaLayer`;
      for (const one of Object.values(service.functions)) one.layers = [...one.layers, { Ref: logical }];
    }
    if (given.vinocrImage) this.addVinOCR(given, name);
    const settings = service.provider.environment;
    for (const key of Object.keys(settings)) {
      if (settings[key] === '') delete settings[key];
      // URLs may hold ${AWS::AccountId} and the like.
      else if (typeof settings[key] === 'string' && settings[key].includes('${')) settings[key] = { 'Fn::Sub': settings[key] };
    }
    // Each function's own, so that VinOCR, where it is one of them, holds none of it.
    for (const [part, one] of Object.entries(service.functions)) {
      if (part !== 'vinocr') one.environment = { ...settings, ...one.environment };
      for (const key of Object.keys(one.environment)) {
        if (one.environment[key] === '') delete one.environment[key];
      }
    }
    service.provider.environment = {};
    const concurrency = Number(given.concurrency);
    if (concurrency > 0) service.functions.upload.reservedConcurrency = concurrency;
  }

  /** Our own VinOCR; the others find it by its function URL. It signs for itself: TC3, as the API. */
  addVinOCR(given, name) {
    const { service } = this.serverless;
    service.functions.vinocr = {
      name: `${name}-vinocr`,
      description: 'VinOCR itself',
      image: { uri: given.vinocrImage, command: ['awslambdaric', 'vinocr.aws_lambda.handler'] },
      role: 'VinocrRole',
      memorySize: 2048,
      timeout: 30,
      url: true,
      events: [],
      environment: {
        VINOCR_SECRET_ID: given.vinocrSecretId,
        VINOCR_SECRET_KEY: given.vinocrSecretKey,
        VINOCR_RATE: String(given.rate),
      },
    };
    service.provider.environment.VINDROP_VINOCR_ENDPOINT = {
      'Fn::GetAtt': ['VinocrLambdaFunctionUrl', 'FunctionUrl'],
    };
    const parts = (given.recognizers || '').split('$VINOCR');
    if (parts.length > 1) {
      // A function's URL ends with a slash, which the options may follow.
      const url = { 'Fn::GetAtt': ['VinocrLambdaFunctionUrl', 'FunctionUrl'] };
      service.provider.environment.VINDROP_RECOGNIZERS = {
        'Fn::Join': ['', parts.flatMap((part, at) => (at ? [url, part] : [part]))],
      };
    }
  }

  /** osls says DependsOn beside every reference, which cfn-lint and moto's own check object to. */
  tidy() {
    const { Resources } = this.serverless.service.provider.compiledCloudFormationTemplate;
    for (const one of Object.values(Resources)) {
      if (!one.DependsOn) continue;
      const text = JSON.stringify(one.Properties || {});
      const kept = [one.DependsOn]
        .flat()
        .filter((id) => !text.includes(`{"Ref":"${id}"}`) && !text.includes(`{"Fn::GetAtt":["${id}",`));
      if (kept.length) one.DependsOn = kept;
      else delete one.DependsOn;
    }
  }
}

module.exports = AWS;
