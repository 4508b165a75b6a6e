'use strict';

/** The state machines of deploy/state-machines, with what they refer to. */

const fs = require('fs');
const path = require('path');

const definition = (file) =>
  JSON.stringify(JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'state-machines', file))));

module.exports = async ({ resolveVariable }) => {
  const name = await resolveVariable('self:custom.name');
  const machine = (part, file, role) => ({
    Type: 'AWS::StepFunctions::StateMachine',
    Properties: {
      StateMachineName: `${name}-${part}`,
      RoleArn: { 'Fn::GetAtt': [role, 'Arn'] },
      DefinitionString: {
        'Fn::Sub': [
          definition(file),
          {
            Partition: { Ref: 'AWS::Partition' },
            StepFunctionArn: { 'Fn::GetAtt': ['StepLambdaFunction', 'Arn'] },
            ...(part === 'read' ? { ReviewQueueUrl: { Ref: 'ReviewQueue' } } : {}),
          },
        ],
      },
    },
  });
  return {
    template: {
      Resources: {
        ReadMachine: machine('read', 'read.asl.json', 'WorkflowRole'),
        BackfillMachine: machine('backfill', 'backfill.asl.json', 'BackfillRole'),
      },
    },
  };
};
