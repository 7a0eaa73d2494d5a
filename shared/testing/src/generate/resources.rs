//! The resources of alert sources' functions in `template.yaml`, with the least rights that their endpoints need.

use anyhow::Context;
use sources::{AlertSource, CompatibleApi, Endpoint};

use super::function_of;

/// The start of a function's resources.
const FUNCTION: &str = "  # function ";

/// The template with the resources of all alert sources' functions, in the order of their names.
pub(super) fn template(template: &str) -> anyhow::Result<String> {
    let first = template
        .find(&format!("{FUNCTION}alert-source-"))
        .context("`template.yaml` has no function of an alert source")?;
    let last = template
        .rfind(&format!("{FUNCTION}alert-source-"))
        .context("`template.yaml` has no function of an alert source")?;
    let after = template[last + 1..]
        .find(&format!("\n{FUNCTION}"))
        .context("`template.yaml` has no function after those of alert sources")?;
    let mut sources: Vec<_> = sources::all().to_vec();
    sources.sort_by_key(|source| function_of(*source));
    let blocks: Vec<String> = sources.into_iter().map(resources).collect();
    Ok(format!("{}{}{}", &template[..first], blocks.join("\n"), &template[last + 1 + after..]))
}

/// The name of a function as it is in the template's logical ids: `alert-source-http` is `AlertSourceHttp`.
fn logical_id(function: &str) -> String {
    let words = function.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_uppercase())
    });
    words.collect()
}

/// The routes of a source's function, each with the part of its logical id.
fn routes(source: &dyn AlertSource) -> Vec<(&'static str, String)> {
    let path = source.delivery_path("{id}");
    let mut routes = vec![("", format!("POST {path}"))];
    match source.endpoint() {
        Endpoint::Webhook | Endpoint::Email => {}
        Endpoint::WebhookBelow(below) => routes.push(("Rest", format!("POST {path}{below}"))),
        Endpoint::Heartbeat => routes.push(("Ping", format!("ANY {}", source.address_path("{id}")))),
        Endpoint::CompatibleApi(CompatibleApi::OpsgenieAlerts) => routes.extend([
            ("Create", "POST /v2/alerts".to_owned()),
            ("Delete", "DELETE /v2/alerts/{id}".to_owned()),
            ("Action", "ANY /v2/alerts/{id}/{action}".to_owned()),
            ("Request", "GET /v2/alerts/requests/{id}".to_owned()),
            ("Prefixed", "ANY /opsgenie/v2/{proxy+}".to_owned()),
        ]),
        Endpoint::CompatibleApi(CompatibleApi::PagerDutyEvents) => routes.extend([
            ("Enqueue", "POST /v2/enqueue".to_owned()),
            ("Change", "POST /v2/change/enqueue".to_owned()),
        ]),
    }
    routes
}

/// The keys of the table that a source's function may read.
fn readable_keys(source: &dyn AlertSource) -> &'static str {
    match source.endpoint() {
        Endpoint::Webhook | Endpoint::WebhookBelow(_) | Endpoint::Email => "LOOKUP#source#*",
        Endpoint::Heartbeat => r##"[LOOKUP#source#*, "*#CONFIG"]"##,
        Endpoint::CompatibleApi(_) => "[LOOKUP#source#*, LOOKUP#sourcekey#*]",
    }
}

/// The rights to the table that a source's function needs in addition to reading its credentials.
fn further_rights(source: &dyn AlertSource) -> &'static str {
    if source.uses_sns() {
        return r"            # The SNS topic that a source is bound to.
            - Effect: Allow
              Action:
                - dynamodb:GetItem
                - dynamodb:PutItem
              Resource: !GetAtt Table.Arn
              Condition:
                ForAllValues:StringLike:
                  dynamodb:LeadingKeys: LOOKUP#topic#*
";
    }
    match source.endpoint() {
        Endpoint::Heartbeat => {
            r##"            - Effect: Allow
              Action:
                - dynamodb:PutItem
                - dynamodb:UpdateItem
              Resource: !GetAtt Table.Arn
              Condition:
                ForAllValues:StringLike:
                  dynamodb:LeadingKeys: "*#SOURCE#*"
"##
        }
        Endpoint::Webhook | Endpoint::WebhookBelow(_) | Endpoint::Email | Endpoint::CompatibleApi(_) => "",
    }
}

/// The resources of a source's function: the function, its rights, its routes and the permission to call it.
fn resources(source: &dyn AlertSource) -> String {
    let function = function_of(source);
    let id = logical_id(&function);
    let (keys, rights) = (readable_keys(source), further_rights(source));
    let (variable, queues) = if source.uses_sns() {
        (
            "          FIREBELL_QUEUE_NOTIFICATION_SEND: !Ref NotificationSendQueue\n",
            "\n                - !GetAtt AlertHandleQueue.Arn\n                - !GetAtt NotificationSendQueue.Arn",
        )
    } else {
        ("", " !GetAtt AlertHandleQueue.Arn")
    };
    let mut text = format!(
        r#"{FUNCTION}{function}
  {id}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/{function}/
      Environment:
        Variables:
          FIREBELL_KEY: !Sub "{{{{resolve:secretsmanager:${{Key}}}}}}"
          FIREBELL_QUEUE_ALERT_HANDLE: !Ref AlertHandleQueue
{variable}      Policies:
        - Statement:
            - Effect: Allow
              Action: dynamodb:GetItem
              Resource: !GetAtt Table.Arn
              Condition:
                ForAllValues:StringLike:
                  dynamodb:LeadingKeys: {keys}
{rights}            - Effect: Allow
              Action: sqs:SendMessage
              Resource:{queues}
  {id}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt {id}Function.Arn
      PayloadFormatVersion: "2.0"
"#
    );
    for (part, key) in routes(source) {
        text.push_str(&format!(
            r"  {id}{part}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: {key}
      Target: !Sub integrations/${{{id}Integration}}
"
        ));
    }
    text.push_str(&format!(
        r"  {id}Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref {id}Function
      Action: lambda:InvokeFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/*
"
    ));
    text
}
