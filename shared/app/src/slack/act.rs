//! What each thing that people ask for in Slack does: the same verbs that the API calls.

use domain::id::{EscalationId, IncidentId, SeverityId};
use domain::incident::{Incident, RoleKind, Visibility};
use domain::slack::command::HELP;
use domain::slack::step::Place;
use domain::slack::text::plain;
use domain::slack::{Ask, Asked, Command, CommandTarget, Form, Pin, Press, StepState, Thread, Work};
use domain::text::shorten;
use domain::{Actor, Identity};
use machine::Stateful;
use slack::CallError;
use slack::block::{new_form, update_form};
use store::Commit;

use super::Room;
use super::ask::{Said, Stop};
use super::perform::quoted;
use super::person::stranger;
use crate::escalation::create::{EscalationTarget, ManualEscalation};
use crate::escalation::respond::{self, Answered};
use crate::incident::close::Closed;
use crate::incident::create::NewIncident;
use crate::incident::edit::Edit;
use crate::incident::pin::Said as Pinned;
use crate::incident::update::Update;
use crate::{escalation, incident};

/// What is said instead of nothing.
const NO_TEXT: &str = "(message without text)";
/// How much of a name is repeated.
const REPEATED: usize = 200;
/// What is asked where no incident was named.
const WHICH: &str = "Which incident? Give its number, such as `INC-1`, or use the command in the incident's channel. \
    To open an incident with that name, type `/inc new …`.";

/// What came of asking.
type Acted = Result<Option<Said>, Stop>;

/// Tells them something.
fn say(text: impl Into<String>) -> Acted {
    Ok(Some(Said::new(text)))
}

/// An incident in a sentence.
fn named(incident: &Incident) -> String {
    format!("*{}* {}", incident.reference(), quoted(&shorten(&incident.title, REPEATED)))
}

impl Room<'_> {
    /// Does what somebody asks for.
    pub(super) async fn act(&self, asked: &Asked) -> Acted {
        match &asked.ask {
            Ask::Command { text } => self.command(asked, Command::parse(text)).await,
            Ask::Mention { text, .. } => match Command::parse(text) {
                Command::New { .. } | Command::Form | Command::Help => say(HELP),
                command => self.command(asked, command).await,
            },
            Ask::Press(press) => self.press(asked, *press).await,
            Ask::Form(form) => self.submitted(asked, form).await,
            Ask::Pin(pin) => self.pin(asked, pin).await,
            Ask::Joined => self.joined(asked).await,
        }
    }

    async fn command(&self, asked: &Asked, command: Command) -> Acted {
        match command {
            Command::Help => say(HELP),
            Command::Form => self.ask_new(asked).await,
            Command::New { name } => self.open(asked, &name, None, None).await,
            Command::Status { incident } => self.status(&self.meant(asked, incident).await?).await,
            Command::Update { incident, message } => {
                let incident = self.meant(asked, incident).await?;
                match message {
                    Some(message) => self.update(asked, incident.id, message, None).await,
                    None => self.ask_update(asked, &incident).await,
                }
            }
            Command::Page { incident, whom } => {
                let incident = self.meant(asked, incident).await?;
                self.page(asked, &incident, &whom).await
            }
            Command::Acknowledge { incident } => {
                let incident = self.meant(asked, incident).await?;
                self.acknowledge(asked, &incident).await
            }
            Command::Close { incident, message } => {
                let incident = self.meant(asked, incident).await?;
                self.close(asked, incident.id, message).await
            }
            Command::Lead { incident, whom } => {
                let incident = self.meant(asked, incident).await?;
                self.lead(asked, &incident, &whom).await
            }
        }
    }

    async fn press(&self, asked: &Asked, press: Press) -> Acted {
        let store = &self.desk.store;
        let find = async |id| match store.incident(self.org, id).await {
            Ok(Some(incident)) => Ok(incident),
            Ok(None) => Err(Stop::Say("That incident does not exist.".to_owned())),
            Err(error) => Err(error.into()),
        };
        match press {
            // What they pressed changes by itself: nothing is said.
            Press::Acknowledge(id) => self.acknowledge(asked, &find(id).await?).await.map(|_| None),
            Press::Resolve(id) => self.close(asked, id, None).await.map(|_| None),
            Press::Update(id) => self.ask_update(asked, &find(id).await?).await,
            Press::AcknowledgePage(id) => self.acknowledge_page(asked, id).await,
        }
    }

    async fn submitted(&self, asked: &Asked, form: &Form) -> Acted {
        match form {
            Form::New { name, summary, severity } => self.open(asked, name, summary.clone(), *severity).await,
            Form::Update { incident, message, severity } => {
                self.update(asked, *incident, message.clone(), *severity).await
            }
        }
    }

    /// The incident that somebody means.
    async fn meant(&self, asked: &Asked, number: Option<u64>) -> Result<Incident, Stop> {
        let found = match self.incident(number, asked.channel.as_ref()).await? {
            // Whoever is in its channel was let in; elsewhere, it is not there for whoever has no part in it.
            Some(incident) if number.is_some() && !self.is_public_to(asked, &incident).await? => None,
            found => found,
        };
        found.ok_or_else(|| {
            Stop::Say(match number {
                Some(number) => format!("The incident `INC-{number}` does not exist."),
                None => WHICH.to_owned(),
            })
        })
    }

    /// Says whether somebody sees an incident wherever they ask.
    async fn is_public_to(&self, asked: &Asked, incident: &Incident) -> Result<bool, Stop> {
        if incident.visibility == Visibility::Public {
            return Ok(true);
        }
        let here = self.incident(None, asked.channel.as_ref()).await?;
        if here.is_some_and(|here| here.id == incident.id) {
            return Ok(true);
        }
        let user = match self.known(&asked.user).await? {
            Some(user) => self.rules.user(user).await?,
            None => None,
        };
        Ok(user.is_some_and(|user| incident.is_seen_by(&Actor::person(self.org, &user))))
    }

    /// Who asks about an incident that they were shown, in its channel or as one who sees it.
    async fn me_in(&self, asked: &Asked, incident: IncidentId) -> Result<Actor, Stop> {
        Ok(self.me(asked).await?.invited(incident))
    }

    /// Who asks; somebody who is nobody here may open an incident, and nothing else.
    async fn me(&self, asked: &Asked) -> Result<Actor, Stop> {
        let user = match self.who(&asked.user).await? {
            Some(user) => self.rules.user(user).await?,
            None => None,
        };
        user.map(|user| Actor::person(self.org, &user)).ok_or_else(|| {
            Stop::Say(
                "No Firebell user has the email address of your Slack account. Ask an administrator to add you, then try again."
                    .to_owned(),
            )
        })
    }

    /// Who asks, as far as that is known already; else somebody in Slack.
    async fn me_or_stranger(&self, asked: &Asked) -> Result<Actor, Stop> {
        let user = match self.known(&asked.user).await? {
            Some(user) => self.rules.user(user).await?,
            None => None,
        };
        Ok(user.map_or_else(|| stranger(self.org, &asked.user), |user| Actor::person(self.org, &user)))
    }

    /// Opens an incident before anything else is asked of Slack.
    async fn open(
        &self,
        asked: &Asked,
        name: &str,
        summary: Option<String>,
        severity: Option<SeverityId>,
    ) -> Acted {
        let store = &self.desk.store;
        let by = self.me_or_stranger(asked).await?;
        let new = NewIncident {
            org: self.org,
            id: IncidentId::derived(asked.at, format_args!("{} {}", self.org, asked.key)),
            name: name.to_owned(),
            summary,
            visibility: Visibility::Public,
            triage: false,
            alert: None,
            trace: self.trace.clone(),
        };
        let given = Edit { severity, ..Edit::default() };
        let opened = incident::create::create(store, &by, new, &given, &asked.key, self.now).await?;
        say(format!("Opened {}. Its channel is being created.", named(&opened)))
    }

    /// Opens a form, which Slack takes for three seconds.
    async fn ask_new(&self, asked: &Asked) -> Acted {
        let offered = self.severities().await?;
        let channel = asked.channel.as_ref().map(ToString::to_string).unwrap_or_default();
        self.form(
            asked,
            &new_form(&offered, &channel),
            "Type `/inc` and a name, such as `/inc the database is down`, to open an incident.",
        )
        .await
    }

    async fn ask_update(&self, asked: &Asked, incident: &Incident) -> Acted {
        let offered = self.severities().await?;
        let view = update_form(incident.id, &incident.reference(), &offered);
        self.form(asked, &view, "Type `/inc update` and your message to share an update.").await
    }

    async fn severities(&self) -> Result<Vec<(SeverityId, String)>, Stop> {
        let choices = self.desk.store.incident_choices(self.org).await?;
        Ok(choices.severities.into_iter().map(|severity| (severity.id, severity.what.name)).collect())
    }

    async fn form(&self, asked: &Asked, view: &serde_json::Value, instead: &str) -> Acted {
        let Some(trigger) = &asked.trigger else { return say(instead) };
        match self.connection.slack.open_view(&self.connection.token, trigger, view).await {
            Ok(()) => Ok(None),
            // It was opened by a try before this one.
            Err(error) if error.is("trigger_exchanged") => Ok(None),
            Err(CallError::Refused(_) | CallError::Later { .. }) => {
                say(format!("Slack could not open the form. {instead}"))
            }
        }
    }

    async fn status(&self, incident: &Incident) -> Acted {
        let choices = self.desk.store.incident_choices(self.org).await?;
        let steps = self.desk.store.slack_steps(self.org, &Thread::incident(incident.id), "").await?;
        let channel = steps.iter().find(|step| step.work == Work::CreateChannel);
        let channel = channel.and_then(|step| step.kept.channel.clone());
        let shown = self.shown(incident, &choices, channel).await?;
        let mut lines = vec![
            named(incident),
            format!(
                "Status: {} · Severity: {} · Lead: {}",
                quoted(&shown.status),
                quoted(shown.severity.as_deref().unwrap_or("not set")),
                quoted(shown.lead.as_deref().unwrap_or("nobody"))
            ),
        ];
        lines.extend(shown.paging.map(|paging| quoted(&paging)));
        lines.extend(shown.channel.map(|channel| format!("Channel: <#{channel}>")));
        for step in &steps {
            let state = step.head().state();
            let is_owed = matches!(state, StepState::Pending | StepState::Doing | StepState::Failed);
            if is_owed && step.work != Work::Follow && step.work != Work::Post(Place::Channel) {
                let why = step
                    .attempts
                    .log
                    .last()
                    .map(|entry| format!(": {}", quoted(&entry.why)))
                    .unwrap_or_default();
                lines.push(format!("Slack: {} is {}{why}", step.work.name(), machine::State::name(state)));
            }
        }
        say(lines.join("\n"))
    }

    async fn update(
        &self,
        asked: &Asked,
        id: IncidentId,
        message: String,
        severity: Option<SeverityId>,
    ) -> Acted {
        let by = self.me_in(asked, id).await?;
        let update = Update { message: Some(message), status: None, severity };
        let store = &self.desk.store;
        incident::update::update(store, &by, id, &update, Some(&asked.key), self.now).await?;
        say("Shared.")
    }

    async fn page(&self, asked: &Asked, incident: &Incident, whom: &CommandTarget) -> Acted {
        let me = self.me_in(asked, incident.id).await?;
        let Some(target) = self.called_by(whom, me.identity().user()).await? else {
            return say(
                "No person and no escalation path has that name. To open an incident with that name, type \
                 `/inc new …`.",
            );
        };
        let id = EscalationId::derived(asked.at, format_args!("{} {}", self.org, asked.key));
        let new = ManualEscalation::for_incident(incident, id, target, self.trace.clone());
        let (store, rules) = (&self.desk.store, &self.desk.rules);
        escalation::create::create(store, rules, &me, (&asked.key, new), self.now).await?;
        say(format!("Started an escalation for {}.", named(incident)))
    }

    /// Acknowledges the escalations of an incident that still notify somebody.
    async fn acknowledge(&self, asked: &Asked, incident: &Incident) -> Acted {
        let by = self.me_in(asked, incident.id).await?;
        let acknowledged =
            incident::acknowledge::acknowledge(&self.desk.store, &by, incident.id, self.now).await?;
        say(if acknowledged.is_empty() {
            format!("Nobody is being notified for {}.", named(incident))
        } else {
            format!("You acknowledged {}.", named(incident))
        })
    }

    async fn acknowledge_page(&self, asked: &Asked, id: EscalationId) -> Acted {
        let by = self.me(asked).await?;
        let answered = respond::acknowledge(&self.desk.store, &by, id, self.now).await?;
        let title = quoted(&shorten(&answered.escalation().title, REPEATED));
        let text = match answered {
            Answered::Now(_) => format!("*{title}*\nYou acknowledged it."),
            Answered::Already(_) => format!("*{title}*\nIt was already acknowledged, or is over."),
        };
        Ok(Some(Said { text, replaces: true }))
    }

    /// Closes an incident, and ends its paging.
    async fn close(&self, asked: &Asked, id: IncidentId, message: Option<String>) -> Acted {
        let by = self.me_in(asked, id).await?;
        let how = (message, asked.key.as_str());
        let (incident, closed) = incident::close::close(&self.desk.store, &by, id, how, self.now).await?;
        say(match closed {
            Closed::Now => format!("Closed {}.", named(&incident)),
            Closed::Declined => format!("Declined {}.", named(&incident)),
            Closed::Already => format!("{} was already over.", named(&incident)),
        })
    }

    async fn lead(&self, asked: &Asked, incident: &Incident, whom: &CommandTarget) -> Acted {
        let me = self.me_in(asked, incident.id).await?;
        let lead = match self.called_by(whom, me.identity().user()).await? {
            Some(EscalationTarget::Users(users)) => users.first().copied(),
            Some(EscalationTarget::Path(_)) | None => None,
        };
        let Some(lead) = lead else { return say("No person has that name.") };
        let roles = self.desk.store.incident_choices(self.org).await?.roles;
        let role = roles.iter().find(|role| role.what.kind == RoleKind::Lead);
        let Some(role) = role else { return say("There is no lead role.") };
        let edit = Edit { roles: vec![(role.id, Some(lead))], announce: true, ..Edit::default() };
        incident::edit::edit(&self.desk.store, &me, incident.id, &edit, self.now).await?;
        let who = self.called(&Identity::User(lead)).await?;
        say(format!("{} now leads {}.", quoted(&who), named(incident)))
    }

    /// Keeps a message that was pinned in an incident's channel in its timeline.
    async fn pin(&self, asked: &Asked, pin: &Pin) -> Acted {
        let Some(incident) = self.incident(None, asked.channel.as_ref()).await? else { return Ok(None) };
        let by = self.me_or_stranger(asked).await?.invited(incident.id);
        let author = match &pin.author {
            Some(author) => match self.known(author).await? {
                Some(user) => Some(self.called(&Identity::User(user)).await?),
                None => None,
            },
            None => None,
        };
        let text = plain(&pin.text);
        let text = if text.trim().is_empty() { NO_TEXT.to_owned() } else { text };
        let said = Pinned { text, author };
        // A message that is pinned again is in the timeline already.
        let key = format!("slack pin {}", pin.ts);
        incident::pin::pin(&self.desk.store, &by, incident.id, &said, &key, self.now).await?;
        Ok(None)
    }

    /// Notes that somebody came into an incident's channel, so that they are not invited again.
    async fn joined(&self, asked: &Asked) -> Acted {
        let Some(incident) = self.incident(None, asked.channel.as_ref()).await? else { return Ok(None) };
        let id = domain::slack::StepId::of(super::follow::INVITE);
        let step = self.desk.store.slack_step(self.org, &Thread::incident(incident.id), &id).await?;
        let Some(step) = step.filter(|step| !step.kept.people.contains(&asked.user)) else { return Ok(None) };
        let user = asked.user.clone();
        let noted = step.amend(self.now).map_err(crate::AppError::from)?;
        // Should somebody be inviting just now, they find out by themselves who is in.
        match self
            .desk
            .store
            .commit(Commit::new().transition(noted.with(|step| step.kept.people.push(user))))
            .await
        {
            Ok(()) | Err(machine::CommitError::Conflict) => Ok(None),
            Err(error) => Err(crate::AppError::from(error).into()),
        }
    }
}
