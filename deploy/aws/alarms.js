'use strict';

/**
 * Alarms and the dashboard. The numbers are those of vindrop/telemetry.py: log lines in CloudWatch's
 * embedded metric format, per function, in the namespace `vindrop`.
 */

const NAMESPACE = 'vindrop';
const PARTS = ['upload', 'http', 'step', 'sweep'];

module.exports = async ({ resolveVariable }) => {
  const name = await resolveVariable('self:custom.name');
  const rate = Number(await resolveVariable('param:rate'));

  const metric = (id, metricName, part, stat, period) => ({
    Id: id,
    MetricStat: {
      Metric: {
        Namespace: NAMESPACE,
        MetricName: metricName,
        Dimensions: [{ Name: 'function', Value: `${name}-${part}` }],
      },
      Period: period,
      Stat: stat,
    },
    ReturnData: false,
  });
  /** Alarms when the sum over all functions is `threshold` or more within `period` seconds. */
  const total = (AlarmDescription, metricName, threshold, period = 300) => ({
    AlarmDescription,
    Metrics: [
      ...PARTS.map((part) => metric(part, metricName, part, 'Sum', period)),
      {
        Id: 'total',
        Expression: PARTS.map((part) => `FILL(${part}, 0)`).join(' + '),
        Label: metricName,
        ReturnData: true,
      },
    ],
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Threshold: threshold,
    EvaluationPeriods: 1,
  });
  const one = (AlarmDescription, Namespace, MetricName, Dimensions, more) => ({
    AlarmDescription,
    Namespace,
    MetricName,
    Dimensions,
    Period: 60,
    EvaluationPeriods: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    ...more,
  });
  const sweep = [{ Name: 'function', Value: `${name}-sweep` }];

  const alarms = {
    DeadLetters: total('photos ended without a reading: vindrop dead-letters lists them', 'dead_letters', 1),
    CircuitOpen: one('VinOCR refuses the account (arrears, package used up, keys): all uploads wait',
      NAMESPACE, 'circuit_open', sweep, { Statistic: 'Maximum', Threshold: 1 }),
    Refusals: total(
      'VinOCR refuses for the rate: something else uses the account, or VINDROP_RATE is too high',
      'refusals',
      Math.max(10, Math.round(rate * 300 * 0.01))
    ),
    Undelivered: total('answers could not be delivered: is a destination away?', 'undelivered', 1),
    OldestWaiting: one('an upload has waited for 15 minutes', NAMESPACE, 'oldest_seconds', sweep, {
      Statistic: 'Maximum',
      Threshold: 900,
    }),
    RetryWaitingTooLong: one('an upload has had to be retried for an hour, and is still not read: its log lines say why',
      NAMESPACE, 'retry_waiting_seconds', sweep, { Statistic: 'Maximum', Threshold: 3600 }),
    SweepStopped: one('the sweep has not run for 5 minutes', 'AWS/Lambda', 'Invocations',
      [{ Name: 'FunctionName', Value: { Ref: 'SweepLambdaFunction' } }],
      {
        Statistic: 'Sum',
        Period: 300,
        ComparisonOperator: 'LessThanThreshold',
        Threshold: 1,
        TreatMissingData: 'breaching',
      }),
    UploadErrors: one('the upload function raises: its log says why', 'AWS/Lambda', 'Errors',
      [{ Name: 'FunctionName', Value: { Ref: 'UploadLambdaFunction' } }],
      { Statistic: 'Sum', Threshold: 1, Period: 300 }),
    GivenUpEvents: one('events were given up: they wait two weeks in this queue', 'AWS/SQS',
      'ApproximateNumberOfMessagesVisible',
      [{ Name: 'QueueName', Value: { 'Fn::GetAtt': ['GivenUpEvents', 'QueueName'] } }],
      { Statistic: 'Maximum', Threshold: 1 }),
  };
  const Resources = {};
  for (const [part, properties] of Object.entries(alarms)) {
    Resources[`${part}Alarm`] = {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        AlarmName: `${name}-${part}`,
        TreatMissingData: 'notBreaching',
        AlarmActions: [{ Ref: 'AlarmsTopic' }],
        OKActions: [{ Ref: 'AlarmsTopic' }],
        ...properties,
      },
    };
  }
  Resources.Dashboard = {
    Type: 'AWS::CloudWatch::Dashboard',
    Properties: { DashboardName: name, DashboardBody: { 'Fn::Sub': dashboard(name) } },
  };
  return { template: { Resources } };
};

function dashboard(name) {
  const line = (title, names, x, y, stat = 'Sum') => ({
    type: 'metric',
    x,
    y,
    width: 12,
    height: 6,
    properties: {
      title,
      region: '${AWS::Region}',
      stat,
      period: 60,
      metrics: names.flatMap((metricName) =>
        PARTS.map((part) => [NAMESPACE, metricName, 'function', `${name}-${part}`])
      ),
    },
  });
  const widgets = [
    line('readings and dead letters', ['readings', 'dead_letters'], 0, 0),
    line('calls, billed calls, refusals for the rate', ['calls', 'billed', 'refusals'], 12, 0),
    line('retry scheduled, not delivered', ['retries_scheduled', 'undelivered'], 0, 6),
    line('seconds per upload, 95th percentile', ['seconds'], 12, 6, 'p95'),
    {
      type: 'metric',
      x: 0,
      y: 12,
      width: 12,
      height: 6,
      properties: {
        title: 'uploads that wait, seconds of the oldest; is the circuit open',
        region: '${AWS::Region}',
        stat: 'Maximum',
        period: 60,
        metrics: ['waiting', 'oldest_seconds', 'retry_waiting_seconds', 'circuit_open'].map((metricName) => [
          NAMESPACE,
          metricName,
          'function',
          `${name}-sweep`,
        ]),
      },
    },
    {
      type: 'log',
      x: 12,
      y: 12,
      width: 12,
      height: 6,
      properties: {
        title: 'dead letters by code',
        region: '${AWS::Region}',
        view: 'table',
        query: `SOURCE '/aws/lambda/${name}-upload' | SOURCE '/aws/lambda/${name}-sweep' | filter event = 'dead_letter' | stats count(*) as uploads by code, reason | sort uploads desc`,
      },
    },
  ];
  return JSON.stringify({ widgets });
}
