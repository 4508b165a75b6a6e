'use strict';

/**
 * A role per function: what that function does, and nothing else. The only wildcards stand where
 * no name can: objects below the prefix, and log streams, which Lambda names.
 */

const arn = (service, rest, region = '${AWS::Region}') => ({
  'Fn::Sub': `arn:\${AWS::Partition}:${service}:${region}:\${AWS::AccountId}:${rest}`,
});
const allow = (Action, Resource, Condition) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition ? { Condition } : {}),
});
const trust = (service, condition) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: `${service}.amazonaws.com` },
      Action: 'sts:AssumeRole',
      ...(condition ? { Condition: condition } : {}),
    },
  ],
});
const role = (name, service, statements) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: { 'Fn::Sub': `${name}-\${AWS::Region}` },
    AssumeRolePolicyDocument: trust(service),
    Policies: [
      { PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: statements } },
    ],
  },
});

module.exports = async ({ resolveVariable }) => {
  const name = await resolveVariable('self:custom.name');
  const bucket = await resolveVariable('param:bucket');
  const prefix = await resolveVariable('param:prefix');
  const uploadPrefix = await resolveVariable('param:uploadPrefix');
  const ledger = await resolveVariable('param:ledger');
  const urls = [
    await resolveVariable('param:results'),
    await resolveVariable('param:deadLetters'),
    ledger,
  ].join(' ');

  const objects = (below) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}/${below}*` });
  const logs = (part) =>
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('logs', `log-group:/aws/lambda/${name}-${part}:*`));
  const read = (below) => [
    // The version that an event names, in a bucket that keeps versions.
    allow(['s3:GetObject', 's3:GetObjectVersion'], objects(below)),
    // Without it a missing object answers 403, as a forbidden one does.
    allow('s3:ListBucket', { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}` }, {
      StringLike: { 's3:prefix': `${below}*` },
    }),
  ];
  const send = (queue) => allow('sqs:SendMessage', { 'Fn::GetAtt': [queue, 'Arn'] });
  const write = destinations(urls);

  const Resources = {
    UploadRole: role(`${name}-upload`, 'lambda', [
      logs('upload'),
      ...read(prefix),
      ...write,
      send('FailedEvents'),
      allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], {
        'Fn::GetAtt': ['FailedEvents', 'Arn'],
      }),
    ]),
    HttpRole: role(`${name}-http`, 'lambda', [
      logs('http'),
      ...read(prefix),
      ...(prefix && !uploadPrefix.startsWith(prefix) ? read(uploadPrefix) : []),
      allow('s3:PutObject', objects(uploadPrefix)),
      ...write,
      ...people(ledger, { scan: false }),
    ]),
    StepRole: role(`${name}-step`, 'lambda', [logs('step'), ...read(prefix), ...write]),
    SweepRole: role(`${name}-sweep`, 'lambda', [
      logs('sweep'),
      ...read(prefix),
      ...write,
      ...people(ledger, { scan: true }),
    ]),
    WorkflowRole: role(`${name}-workflow`, 'states', [
      allow('lambda:InvokeFunction', { 'Fn::GetAtt': ['StepLambdaFunction', 'Arn'] }),
      send('ReviewQueue'),
    ]),
    BackfillRole: role(`${name}-backfill`, 'states', [
      allow('lambda:InvokeFunction', { 'Fn::GetAtt': ['StepLambdaFunction', 'Arn'] }),
      allow('s3:ListBucket', { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}` }),
      // A distributed Map starts its own executions; their names are the service's.
      allow('states:StartExecution', arn('states', `stateMachine:${name}-backfill`)),
      allow(
        ['states:DescribeExecution', 'states:StopExecution'],
        arn('states', `execution:${name}-backfill:*`)
      ),
    ]),
  };
  if (await resolveVariable('param:vinocrImage')) {
    Resources.VinocrRole = role(`${name}-vinocr`, 'lambda', [logs('vinocr')]);
  }
  return { template: { Resources } };
};

/** What writing to the destinations, the ledger and the rate limiter of `urls` takes. */
function destinations(urls) {
  const statements = [];
  for (const url of new Set(urls.split(/ +/))) {
    const match = /^(dynamodb|sqs|sns|eventbridge):\/\/([^/]*)\/([^?]+)/.exec(url);
    if (!match) continue;
    const [, scheme, region, path] = match;
    const place = (service, rest) =>
      path.startsWith('arn:')
        ? { 'Fn::Sub': path }
        : { 'Fn::Sub': `arn:\${AWS::Partition}:${service}:${region || '${AWS::Region}'}:\${AWS::AccountId}:${rest}` };
    if (scheme === 'dynamodb') {
      const tables = ['uploads', 'readings', 'dead_letters', 'console'].map((table) =>
        place('dynamodb', `table/${path}_${table}`)
      );
      statements.push(
        allow(
          ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'].concat(
            'dynamodb:DescribeTable'
          ),
          tables
        ),
        allow(
          'dynamodb:Query',
          ['by_state', 'by_place'].map((index) => place('dynamodb', `table/${path}_uploads/index/${index}`))
        )
      );
    } else if (scheme === 'sqs') {
      statements.push(allow(['sqs:SendMessage', 'sqs:GetQueueUrl'], place('sqs', path)));
    } else if (scheme === 'sns') {
      statements.push(allow('sns:Publish', place('sns', path)));
    } else {
      statements.push(allow('events:PutEvents', place('events', `event-bus/${path}`)));
    }
  }
  return statements;
}

const CONSOLE_INDEXES = [
  'by_day',
  'by_outcome',
  'by_maker',
  'by_queue',
  'by_vin',
  'by_vin_end',
  'by_photo',
  'by_key',
  'by_reference',
];

/** What the console's pages take, and the sweep, which delivers decisions and lists earlier uploads. */
function people(ledger, { scan }) {
  const match = /^dynamodb:\/\/([^/]*)\/([^?]+)/.exec(ledger);
  if (!match) return [];
  const [, region, path] = match;
  const table = (rest) =>
    arn('dynamodb', `table/${path}_${rest}`, region || undefined);
  return [
    allow('dynamodb:BatchGetItem', [table('uploads'), table('console')]),
    allow('dynamodb:Query', CONSOLE_INDEXES.map((index) => table(`console/index/${index}`))),
    ...(scan ? [allow('dynamodb:Scan', table('uploads'))] : []),
  ];
}
