'use strict';

/** Bucket, tables, queues, topic. A test holds the tables against stores/dynamodb_tables.py. */

const table = (name, keep, more = {}) => ({
  Type: 'AWS::DynamoDB::Table',
  DeletionPolicy: keep,
  UpdateReplacePolicy: keep,
  Properties: {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }, ...(more.attributes || [])],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    SSESpecification: { SSEEnabled: true },
    ...(more.indexes ? { GlobalSecondaryIndexes: more.indexes } : {}),
  },
});

const queue = (name, more = {}) => ({
  Type: 'AWS::SQS::Queue',
  DeletionPolicy: 'Delete',
  UpdateReplacePolicy: 'Delete',
  Properties: {
    QueueName: name,
    MessageRetentionPeriod: 1209600, // 14 days, the most
    SqsManagedSseEnabled: true,
    ...more,
  },
});

module.exports = async ({ resolveVariable }) => {
  const name = await resolveVariable('self:custom.name');
  const bucket = await resolveVariable('param:bucket');
  const keep = await resolveVariable('param:onRemove');
  const timeout = Number(await resolveVariable('param:timeout'));
  const mail = await resolveVariable('param:alarms');
  const uploadPrefix = await resolveVariable('param:uploadPrefix');
  const ledgerIndex = {
    attributes: [
      { AttributeName: 'state', AttributeType: 'S' },
      { AttributeName: 'due_at', AttributeType: 'N' },
      { AttributeName: 'place', AttributeType: 'S' },
    ],
    indexes: [
      {
        IndexName: 'by_state',
        KeySchema: [
          { AttributeName: 'state', KeyType: 'HASH' },
          { AttributeName: 'due_at', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['upload', 'first_seen'] },
      },
      {
        IndexName: 'by_place',
        KeySchema: [{ AttributeName: 'place', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['upload', 'first_seen'] },
      },
    ],
  };
  // Index → partition and order: what the console finds uploads by.
  const console_ = {
    by_day: ['day', 'first_seen'],
    by_outcome: ['outcome', 'first_seen'],
    by_maker: ['maker', 'first_seen'],
    by_queue: ['queue', 'first_seen'],
    by_vin: ['vin_head', 'vin'],
    by_vin_end: ['vin_end', 'vin_backwards'],
    by_photo: ['photo_head', 'photo'],
    by_key: ['key_head', 'object_key'],
    by_reference: ['reference_head', 'reference'],
  };
  const consoleIndexes = {
    attributes: [...new Set(Object.values(console_).flat())].map((attribute) => ({
      AttributeName: attribute,
      AttributeType: attribute === 'first_seen' ? 'N' : 'S',
    })),
    indexes: Object.entries(console_).map(([index, [partition, order]]) => ({
      IndexName: index,
      KeySchema: [
        { AttributeName: partition, KeyType: 'HASH' },
        { AttributeName: order, KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    })),
  };
  const Resources = {
    // osls names it so, after the bucket, and adds the notification to it.
    [bucketLogicalId(bucket)]: {
      Type: 'AWS::S3::Bucket',
      DeletionPolicy: keep,
      UpdateReplacePolicy: keep,
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
          ],
        },
        // The page puts large photos by a signed URL. The signature is what lets them in: the rule
        // only lets browsers try, from wherever the page is served.
        CorsConfiguration: {
          CorsRules: [
            {
              Id: 'vindrop-page',
              AllowedOrigins: ['*'],
              AllowedMethods: ['PUT'],
              AllowedHeaders: ['*'],
              ExposedHeaders: ['ETag', 'x-amz-request-id'],
              MaxAge: 600,
            },
          ],
        },
        // What was put and never asked for is nobody's photo.
        LifecycleConfiguration: {
          Rules: [
            {
              Id: 'vindrop-uploads',
              Status: 'Enabled',
              Prefix: uploadPrefix,
              ExpirationInDays: 1,
              NoncurrentVersionExpiration: { NoncurrentDays: 1 },
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            },
          ],
        },
      },
    },
    // Its own table: CloudFormation adds one index per update to a table that is there.
    ConsoleTable: table(`${name}_console`, keep, consoleIndexes),
    UploadsTable: table(`${name}_uploads`, keep, ledgerIndex),
    ReadingsTable: table(`${name}_readings`, keep),
    DeadLettersTable: table(`${name}_dead_letters`, keep),
    ReadingsQueue: queue(`${name}-readings`),
    ReviewQueue: queue(`${name}-review`),
    // Events that the upload function raised on to the end of its retries: redelivered from
    // here five times, then kept two weeks beside, where an alarm sees them.
    FailedEvents: queue(`${name}-failed-events`, {
      VisibilityTimeout: timeout * 6, // as Lambda's guide for queues asks
      RedrivePolicy: {
        deadLetterTargetArn: { 'Fn::GetAtt': ['GivenUpEvents', 'Arn'] },
        maxReceiveCount: 5,
      },
    }),
    GivenUpEvents: queue(`${name}-given-up-events`),
    DeadLettersTopic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: `${name}-dead-letters` } },
    AlarmsTopic: {
      Type: 'AWS::SNS::Topic',
      Properties: {
        TopicName: `${name}-alarms`,
        ...(mail ? { Subscription: [{ Protocol: 'email', Endpoint: mail }] } : {}),
      },
    },
  };
  return {
    template: {
      Resources,
      Outputs: {
        ReadingsQueueUrl: { Value: { Ref: 'ReadingsQueue' } },
        DeadLettersTopicArn: { Value: { Ref: 'DeadLettersTopic' } },
        AlarmsTopicArn: { Value: { Ref: 'AlarmsTopic' } },
      },
    },
  };
};

/** The logical id that osls gives a bucket with an event (its naming.js). */
function bucketLogicalId(bucket) {
  const normal = bucket.replace(/[^0-9A-Za-z]/g, '');
  return `S3Bucket${normal[0].toUpperCase()}${normal.slice(1)}`;
}
module.exports.bucketLogicalId = bucketLogicalId;
