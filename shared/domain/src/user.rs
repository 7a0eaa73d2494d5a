//! People, their notification methods and their rules.

use serde::{Deserialize, Serialize};

use crate::id::{MethodId, RuleId, UserId};

/// The role of a person; each role has the permissions of those before it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// May read everything that is not private.
    Viewer,
    /// May also respond to alerts, escalations and incidents.
    Responder,
    /// May also change the configuration, add people and create API keys.
    Administrator,
    /// May also add and remove owners.
    Owner,
}

impl Role {
    /// Every role, from the lowest to the highest.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// The email address that identifies them.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Their notification methods.
    pub methods: Vec<NotificationMethod>,
    /// A notification rule: when which method is used.
    pub rules: Vec<NotificationRule>,
    /// Each change adds one.
    #[serde(default)]
    pub version: u64,
}

/// The channel of a method; `notify` has a file for each.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MethodType {
    /// Email.
    Email,
    /// A direct message in Slack.
    Slack,
    /// An HTTP request to a program.
    Webhook,
}

/// What the API, the pages and the tests need to know of a channel.
#[derive(Debug, Clone, Copy)]
pub struct MethodFacts {
    /// The name on pages.
    pub label: &'static str,
    /// What people enter as the address, as a sentence of the form. `None` if Firebell finds the address itself.
    pub address_hint: Option<&'static str>,
    /// Whether notifications are signed with a secret that the person gets.
    pub is_signed: bool,
    /// Whether the receiver recognises a repeated notification by its key.
    pub drops_repeats: bool,
}

impl MethodType {
    /// Every one.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What there is to know of the channel.
    pub const fn facts(self) -> MethodFacts {
        match self {
            Self::Email => MethodFacts {
                label: "Email",
                address_hint: Some("For email, enter an email address."),
                is_signed: false,
                drops_repeats: false,
            },
            Self::Slack => {
                MethodFacts { label: "Slack", address_hint: None, is_signed: false, drops_repeats: false }
            }
            Self::Webhook => MethodFacts {
                label: "Webhook",
                address_hint: Some(
                    "For a webhook, enter a URL that begins with https://. Firebell signs each request with a secret, \
                     which is shown once.",
                ),
                is_signed: true,
                drops_repeats: true,
            },
        }
    }
}

/// A notification method of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationMethod {
    /// Its id.
    pub id: MethodId,
    /// Its channel.
    pub method_type: MethodType,
    /// The address in that channel.
    pub address: String,
    /// The sealed secret that signs notifications, if the channel signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// The urgency of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Urgency {
    /// Notify at once.
    #[default]
    High,
    /// Notify when convenient.
    Low,
}

impl Urgency {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Which methods a rule uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleTarget {
    /// Every method of the rule's type.
    All,
    /// This one.
    Specific(MethodId),
}

/// A notification rule: when which method is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRule {
    /// Its id.
    pub id: RuleId,
    /// The urgency that it is for.
    pub urgency: Urgency,
    /// How long after the level began.
    pub delay_seconds: u32,
    /// The channel.
    pub method_type: MethodType,
    /// Which of the person's methods.
    pub target: RuleTarget,
}

impl User {
    /// The methods for an urgency, with their delays; every usable method at once if no rule applies.
    ///
    /// A person without a rule for an urgency must still be notified.
    pub fn reached_by(&self, urgency: Urgency) -> Vec<(u32, &NotificationMethod)> {
        let mut reached: Vec<(u32, &NotificationMethod)> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.urgency == urgency) {
            for method in &self.methods {
                let wanted = match rule.target {
                    RuleTarget::All => method.method_type == rule.method_type,
                    RuleTarget::Specific(id) => method.id == id,
                };
                let known =
                    reached.iter().any(|&(delay, m)| m.id == method.id && delay == rule.delay_seconds);
                if wanted && !known {
                    reached.push((rule.delay_seconds, method));
                }
            }
        }
        if reached.is_empty() {
            reached = self.methods.iter().map(|method| (0, method)).collect();
        }
        reached.sort_by_key(|&(delay, _)| delay);
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn ada(rules: Vec<NotificationRule>) -> User {
        let method = |n, address: &str| NotificationMethod {
            id: MethodId::new(Timestamp::UNIX_EPOCH, n),
            method_type: MethodType::Email,
            address: address.to_owned(),
            secret: None,
        };
        User {
            id: UserId::new(Timestamp::UNIX_EPOCH, 1),
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            role: Role::Responder,
            methods: vec![method(1, "ada@example.com"), method(2, "phone@example.com")],
            rules,
            version: 0,
        }
    }

    fn rule(n: u128, urgency: Urgency, delay_seconds: u32, target: RuleTarget) -> NotificationRule {
        NotificationRule {
            id: RuleId::new(Timestamp::UNIX_EPOCH, n),
            urgency,
            delay_seconds,
            method_type: MethodType::Email,
            target,
        }
    }

    fn reached(user: &User, urgency: Urgency) -> Vec<(u32, &str)> {
        user.reached_by(urgency).into_iter().map(|(delay, method)| (delay, &*method.address)).collect()
    }

    #[test]
    fn rules_choose_method_and_delay_by_urgency() {
        let second = MethodId::new(Timestamp::UNIX_EPOCH, 2);
        let user = ada(vec![
            rule(1, Urgency::High, 300, RuleTarget::All),
            rule(2, Urgency::High, 0, RuleTarget::Specific(second)),
            rule(3, Urgency::Low, 900, RuleTarget::Specific(second)),
        ]);

        assert_eq!(
            reached(&user, Urgency::High),
            [(0, "phone@example.com"), (300, "ada@example.com"), (300, "phone@example.com")]
        );
        assert_eq!(reached(&user, Urgency::Low), [(900, "phone@example.com")]);
    }

    #[test]
    fn somebody_without_a_rule_is_reached_by_every_method_at_once() {
        let user = ada(vec![]);

        assert_eq!(reached(&user, Urgency::High), [(0, "ada@example.com"), (0, "phone@example.com")]);
    }
}
