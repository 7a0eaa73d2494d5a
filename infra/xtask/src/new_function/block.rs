//! The block of a new function in `template.yaml`, with the minimum that it needs to start.

use anyhow::Context;

use super::{NewFunction, Trigger};

/// The beginning of the first line of a function's block.
const MARK: &str = "  # function ";

/// Adds the block of a function in the order of names, unless it is there already. Its queues go to the other queues.
pub(super) fn add(new: &NewFunction, template: &str) -> anyhow::Result<String> {
    if template.contains(&format!("\n{MARK}{}\n", new.name)) {
        return Ok(template.to_owned());
    }
    let block = block(new);
    let names = template.lines().filter_map(|line| line.strip_prefix(MARK));
    let at = match names.into_iter().find(|name| *name > new.name.as_str()) {
        Some(next) => template.find(&format!("{MARK}{next}\n")).context("the next block is missing")?,
        None => template.find("\nOutputs:\n").context("template.yaml has no `Outputs:`")? + 1,
    };
    let mut text = format!("{}{block}\n{}", &template[..at], &template[at..]);
    if new.trigger == Trigger::Sqs {
        let queues =
            text.find("\n  # HTTP API\n").context("template.yaml has no `# HTTP API` after the queues")?;
        text.insert_str(queues, &queue(new));
    }
    Ok(text)
}

fn block(new: &NewFunction) -> String {
    let (name, id) = (&new.name, new.logical_id());
    let head = format!(
        r"  # function {name}
  {id}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/{name}/
"
    );
    let tail = match new.trigger {
        Trigger::Http => format!("{}{}", if new.is_api() { API_RIGHTS } else { "" }, front(new)),
        Trigger::Sqs => format!(
            r"      Timeout: 5
      Policies:
        - Statement:
            - Effect: Allow
              Action:
                - sqs:ReceiveMessage
                - sqs:DeleteMessage
                - sqs:GetQueueAttributes
              Resource: !GetAtt {id}Queue.Arn
  {id}Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref {id}Function
      EventSourceArn: !GetAtt {id}Queue.Arn
      BatchSize: 10
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig:
        MaximumConcurrency: 5
"
        ),
        Trigger::Stream => format!(
            r#"      Policies:
        - Statement:
            - Effect: Allow
              Action:
                - dynamodb:DescribeStream
                - dynamodb:GetRecords
                - dynamodb:GetShardIterator
                - dynamodb:ListStreams
              Resource: !Sub ${{Table.Arn}}/stream/*
            - Effect: Allow
              Action: sqs:SendMessage
              Resource: !GetAtt OutboxRelayDeadQueue.Arn
  {id}Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref {id}Function
      EventSourceArn: !GetAtt Table.StreamArn
      StartingPosition: TRIM_HORIZON
      BatchSize: 100
      ParallelizationFactor: 10
      BisectBatchOnFunctionError: true
      MaximumRetryAttempts: 5
      MaximumRecordAgeInSeconds: 300
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria:
        Filters:
          - Pattern: '{{"eventName":["INSERT"],"dynamodb":{{"NewImage":{{"outbox":{{"S":[{{"exists":true}}]}}}}}}}}'
      DestinationConfig:
        OnFailure:
          Destination: !GetAtt OutboxRelayDeadQueue.Arn
"#
        ),
        Trigger::Schedule => r"      Timeout: 50
      Events:
        Schedule:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: rate(1 minute)
            RetryPolicy:
              MaximumRetryAttempts: 0
"
        .to_owned(),
    };
    head + &tail
}

/// The resources that route requests to a function.
fn front(new: &NewFunction) -> String {
    let id = new.logical_id();
    let mut front = format!(
        r#"  {id}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt {id}Function.Arn
      PayloadFormatVersion: "2.0"
"#
    );
    for (route, key) in new.routes() {
        front.push_str(&format!(
            r"  {id}{route}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: {key}
      Target: !Sub integrations/${{{id}Integration}}
"
        ));
    }
    front.push_str(&format!(
        r"  {id}Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref {id}Function
      Action: lambda:InvokeFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/*
"
    ));
    front
}

/// What every function of the API may do: find out who asks.
const API_RIGHTS: &str = r"      Policies:
        - Statement:
            - Effect: Allow
              Action: dynamodb:GetItem
              Resource: !GetAtt Table.Arn
              Condition:
                ForAllValues:StringLike:
                  dynamodb:LeadingKeys: LOOKUP#key#*
";

/// A queue and its dead-letter queue.
fn queue(new: &NewFunction) -> String {
    let (name, id) = (&new.name, new.logical_id());
    format!(
        r"  {id}Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${{AWS::StackName}}-{name}
      VisibilityTimeout: 30
      MessageRetentionPeriod: 1209600
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt {id}DeadQueue.Arn
        maxReceiveCount: 10
  {id}DeadQueue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${{AWS::StackName}}-{name}-dead
      MessageRetentionPeriod: 1209600
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::read;

    fn added(name: &str, trigger: Trigger) -> String {
        add(&NewFunction { name: name.to_owned(), trigger }, &read("template.yaml").unwrap()).unwrap()
    }

    fn order(template: &str) -> Vec<&str> {
        template.lines().filter_map(|line| line.strip_prefix(MARK)).collect()
    }

    #[test]
    fn blocks_stay_in_order_wherever_one_is_added() {
        for name in ["aaa", "escalation-zap", "zzz"] {
            let template = added(name, Trigger::Schedule);
            let names = order(&template);
            assert!(names.is_sorted() && names.contains(&name), "{names:?}");
            assert!(template.contains("\n\nOutputs:\n"));
        }
    }

    #[test]
    fn a_block_is_added_and_nothing_else_is_changed() {
        let before = read("template.yaml").unwrap();
        for trigger in [Trigger::Http, Trigger::Sqs, Trigger::Stream, Trigger::Schedule] {
            let after = added("alert-zap", trigger);
            let new: Vec<&str> =
                after.lines().filter(|line| line.contains("lert-zap") || line.contains("AlertZap")).collect();
            assert!(new.len() >= 3, "{new:?}");
            let mut kept = after.lines();
            assert!(before.lines().all(|line| kept.any(|other| other == line)), "{trigger:?} lost a line");
        }
        assert_eq!(added("alert-zap", Trigger::Sqs).matches("AlertZapDeadQueue").count(), 2);
        assert!(added("api-zap-ups", Trigger::Http).contains("RouteKey: ANY /v2/zap_ups/{proxy+}\n"));
    }
}
