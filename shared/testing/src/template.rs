//! `template.yaml`, read: what is deployed, for the tests that hold it to the code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Map, Value, json};

use crate::rights::Statement;

/// The top of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is two folders below the top").to_owned()
}

/// The template, with the short forms of its functions written out: `!Ref X` is `{"Ref": "X"}`.
#[derive(Debug, Clone)]
pub struct Template(Value);

/// What starts a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Requests to these routes, such as `GET /things/{id}`.
    Http(Vec<String>),
    /// The queue of this name.
    Queue(String),
    /// The table's stream.
    Stream,
    /// The clock.
    Schedule(String),
    /// The deployment, as a custom resource.
    Deployment,
}

/// A function as the template declares it.
#[derive(Debug, Clone)]
pub struct DeclaredFunction {
    /// Its name: the last part of where its code is.
    pub name: String,
    /// The resource.
    pub logical_id: String,
    /// What starts it.
    pub trigger: Trigger,
    /// How long it may take, in seconds.
    pub timeout: u64,
    /// Its environment, with what all functions have.
    pub environment: BTreeMap<String, Value>,
    /// What it may do.
    pub statements: Vec<Statement>,
}

/// A queue as the template declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredQueue {
    /// Its name, without the installation's.
    pub name: String,
    /// The resource.
    pub logical_id: String,
    /// How long a received message is hidden, in seconds.
    pub visibility: u64,
    /// How long a message is kept, in seconds.
    pub retention: u64,
    /// Where what was tried too often goes, and how often that is.
    pub dead_letter: Option<(String, u64)>,
}

impl Template {
    /// Reads the project's template.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load() -> anyhow::Result<Self> {
        let file = root().join("template.yaml");
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading `{}`", file.display()))?;
        Self::parse(&text)
    }

    /// Reads a template.
    ///
    /// # Errors
    /// If it is not YAML, or not one document.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let documents = Yaml::load_from_str(text)?;
        let [document] = documents.as_slice() else { bail!("the template is one document") };
        Ok(Self(value_of(document)?))
    }

    /// The part at a path of names.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The resources of a type: logical id and properties.
    pub fn resources(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.at("/Resources").as_object();
        let of_kind = resources.into_iter().flatten().filter(|(_, resource)| resource["Type"] == kind);
        of_kind.map(|(id, resource)| (id.as_str(), &resource["Properties"])).collect()
    }

    /// Every function.
    ///
    /// # Errors
    /// If one is declared in a way that this does not know.
    pub fn functions(&self) -> anyhow::Result<Vec<DeclaredFunction>> {
        let declared = self.resources("AWS::Serverless::Function");
        declared.into_iter().map(|(id, properties)| self.function(id, properties)).collect()
    }

    fn function(&self, id: &str, properties: &Value) -> anyhow::Result<DeclaredFunction> {
        let code = properties["CodeUri"].as_str().unwrap_or_default();
        let name = code.trim_end_matches('/').strip_prefix("target/lambda/");
        let name =
            name.with_context(|| format!("`{id}`: CodeUri is target/lambda/<function>/, not `{code}`"))?;
        let globals = self.at("/Globals/Function");
        let timeout = properties["Timeout"].as_u64().or(globals["Timeout"].as_u64());
        let variables = [globals, properties].map(|from| from.pointer("/Environment/Variables"));
        let variables = variables.into_iter().flatten().filter_map(Value::as_object).flatten();
        let policies = properties["Policies"].as_array().cloned().unwrap_or_default();
        let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array()).flatten();
        Ok(DeclaredFunction {
            name: name.to_owned(),
            logical_id: id.to_owned(),
            trigger: self.trigger(id, properties)?,
            timeout: timeout.with_context(|| format!("`{id}` has no Timeout"))?,
            environment: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
            statements: statements
                .map(Statement::read)
                .collect::<anyhow::Result<_>>()
                .with_context(|| format!("`{id}`: a statement of its policies"))?,
        })
    }

    /// What starts a function: a mapping, routes, or an event of its own.
    fn trigger(&self, id: &str, properties: &Value) -> anyhow::Result<Trigger> {
        let itself = json!({ "Ref": id });
        let mappings = self.resources("AWS::Lambda::EventSourceMapping");
        if let Some((_, mapping)) = mappings.iter().find(|(_, mapping)| mapping["FunctionName"] == itself) {
            let source = &mapping["EventSourceArn"]["Fn::GetAtt"];
            if source[1] == "StreamArn" {
                return Ok(Trigger::Stream);
            }
            let queues = self.queues()?;
            let queue = queues.iter().find(|queue| source[0] == *queue.logical_id);
            let queue =
                queue.with_context(|| format!("the mapping of `{id}` has no queue of the template"))?;
            return Ok(Trigger::Queue(queue.name.clone()));
        }
        let events = properties["Events"].as_object().into_iter().flatten();
        let mut schedules = events.filter(|(_, event)| event["Type"] == "ScheduleV2");
        if let Some((_, schedule)) = schedules.next() {
            let expression = &schedule["Properties"]["ScheduleExpression"];
            return Ok(Trigger::Schedule(expression.as_str().unwrap_or_default().to_owned()));
        }
        let uri = json!({ "Fn::GetAtt": [id, "Arn"] });
        let resources = self.resources("AWS::CloudFormation::CustomResource");
        if resources.iter().any(|(_, resource)| resource["ServiceToken"] == uri) {
            return Ok(Trigger::Deployment);
        }
        let integrations = self.resources("AWS::ApiGatewayV2::Integration");
        let integration = integrations.iter().find(|(_, integration)| integration["IntegrationUri"] == uri);
        let (integration, _) = integration.with_context(|| {
            format!("nothing starts `{id}`: it needs an event source mapping, a schedule, a custom resource, or an integration with routes")
        })?;
        let target = json!({ "Fn::Sub": format!("integrations/${{{integration}}}") });
        let routes = self.resources("AWS::ApiGatewayV2::Route").into_iter();
        let routes = routes.filter(|(_, route)| route["Target"] == target);
        Ok(Trigger::Http(
            routes.filter_map(|(_, route)| Some(route["RouteKey"].as_str()?.to_owned())).collect(),
        ))
    }

    /// Every queue.
    ///
    /// # Errors
    /// If one is declared in a way that this does not know.
    pub fn queues(&self) -> anyhow::Result<Vec<DeclaredQueue>> {
        let declared = self.resources("AWS::SQS::Queue");
        let name_of = |id: &str, properties: &Value| {
            let name = properties["QueueName"]["Fn::Sub"].as_str();
            let name = name.and_then(|name| name.strip_prefix("${AWS::StackName}-"));
            name.map(str::to_owned)
                .with_context(|| format!("`{id}`: QueueName is ${{AWS::StackName}}-<queue>"))
        };
        let mut queues = Vec::new();
        for (id, properties) in &declared {
            let redrive = &properties["RedrivePolicy"];
            let dead_letter = match redrive["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str() {
                None => None,
                Some(target) => {
                    let found = declared.iter().find(|(other, _)| *other == target);
                    let (other, properties) =
                        found.with_context(|| format!("`{id}`: no queue `{target}`"))?;
                    let tries = redrive["maxReceiveCount"].as_u64().unwrap_or_default();
                    Some((name_of(other, properties)?, tries))
                }
            };
            queues.push(DeclaredQueue {
                name: name_of(id, properties)?,
                logical_id: (*id).to_owned(),
                // What SQS takes if nothing is said.
                visibility: properties["VisibilityTimeout"].as_u64().unwrap_or(30),
                retention: properties["MessageRetentionPeriod"].as_u64().unwrap_or(4 * 24 * 3600),
                dead_letter,
            });
        }
        Ok(queues)
    }
}

/// A node as JSON.
fn value_of(node: &Yaml<'_>) -> anyhow::Result<Value> {
    let (tag, node) = match node {
        Yaml::Tagged(tag, node) => (Some(tag.suffix.as_str()), &**node),
        node => (None, node),
    };
    let value = if let Some(sequence) = node.as_sequence() {
        Value::Array(sequence.iter().map(value_of).collect::<anyhow::Result<_>>()?)
    } else if let Some(mapping) = node.as_mapping() {
        let mut object = Map::new();
        for (key, value) in mapping {
            let key = key.as_str().ok_or_else(|| anyhow!("a key is no text: {key:?}"))?;
            object.insert(key.to_owned(), value_of(value)?);
        }
        Value::Object(object)
    } else if let Some(text) = node.as_str() {
        json!(text)
    } else if let Some(yes) = node.as_bool() {
        json!(yes)
    } else if let Some(number) = node.as_integer() {
        json!(number)
    } else if node.is_null() {
        Value::Null
    } else {
        bail!("the template has something that is neither text, number, list nor mapping: {node:?}")
    };
    Ok(match (tag, value) {
        (None, value) => value,
        (Some("Ref"), value) => json!({ "Ref": value }),
        (Some("Condition"), value) => json!({ "Condition": value }),
        (Some("GetAtt"), Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').context("!GetAtt needs an attribute")?;
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (Some(function), value) => json!({ format!("Fn::{function}"): value }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let template =
            Template::parse("A: !Ref B\nC: !GetAtt D.Arn\nE: !If [F, !Ref G, \"\"]\nH: !Sub x${I}\n")
                .unwrap();

        assert_eq!(
            template.0,
            json!({
                "A": { "Ref": "B" },
                "C": { "Fn::GetAtt": ["D", "Arn"] },
                "E": { "Fn::If": ["F", { "Ref": "G" }, ""] },
                "H": { "Fn::Sub": "x${I}" },
            })
        );
    }
}
