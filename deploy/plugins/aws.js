'use strict';

/** The little that osls does not do itself for AWS: client layers that URLs ask for, and tidy settings. */

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
      service.layers[part] = {
        name: `${name}-${part}`,
        description: `the client for ${part}`,
        package: { artifact: `build/layers/lambda-${python}-x86_64/${part}.zip` },
        compatibleRuntimes: [`python${python}`],
        compatibleArchitectures: ['x86_64'],
      };
      const logical = `${part[0].toUpperCase()}${part.slice(1)}LambdaLayer`;
      for (const one of Object.values(service.functions)) one.layers = [...one.layers, { Ref: logical }];
    }
    const settings = service.provider.environment;
    for (const key of Object.keys(settings)) {
      if (settings[key] === '') delete settings[key];
      // URLs may hold ${AWS::AccountId} and the like.
      else if (String(settings[key]).includes('${')) settings[key] = { 'Fn::Sub': settings[key] };
    }
    for (const one of Object.values(service.functions)) {
      for (const key of Object.keys(one.environment || {})) {
        if (one.environment[key] === '') delete one.environment[key];
      }
    }
    const concurrency = Number(given.concurrency);
    if (concurrency > 0) service.functions.upload.reservedConcurrency = concurrency;
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
