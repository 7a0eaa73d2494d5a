//! Handles requests from Slack: they call the same verbs as the API.

use domain::id::{EscalationId, IncidentId, SeverityId};
use domain::incident::{Incident, RoleKind, Visibility};
use domain::slack::command::HELP;
use domain::slack::step::Place;
use domain::slack::text::plain;
use domain::slack::{
    ButtonPress, Command, CommandTarget, PinnedMessage, SlackAction, SlackRequest, StepState, SubmittedForm,
    Thread, Work,
};
use domain::text::shorten;
use domain::{Actor, Identity};
use machine::Stateful;
use slack::CallError;
use slack::block::{new_form, update_form};
use store::Commit;

use super::SlackRequestContext;
use super::ask::{Refusal, Reply};
use super::perform::quoted;
use super::person::stranger;
use crate::escalation::create::{EscalationTarget, ManualEscalation};
use crate::escalation::respond::{self, StopOutcome};
use crate::incident::close::Closed;
use crate::incident::create::NewIncident;
use crate::incident::edit::Edit;
use crate::incident::pin::PinnedMessage as PinnedText;
use crate::incident::update::Update;
use crate::{escalation, incident};

/// The text for a pinned message without text.
const NO_TEXT: &str = "(message without text)";
/// The most bytes of a title in a reply.
const TITLE_BYTES: usize = 200;
/// The reply to a command that needs an incident and names none.
const NO_INCIDENT_NAMED: &str = "Which incident? Give its number, such as `INC-1`, or use the command in the incident's channel. \
    To open an incident with that name, type `/inc new …`.";

/// The reply to a request, if there is one, or why it was refused.
type ActionResult = Result<Option<Reply>, Refusal>;

/// Replies with a text.
fn reply(text: impl Into<String>) -> ActionResult {
    Ok(Some(Reply::new(text)))
}

/// The reference and title of an incident, in Slack's markup.
fn named(incident: &Incident) -> String {
    format!("*{}* {}", incident.reference(), quoted(&shorten(&incident.title, TITLE_BYTES)))
}

impl SlackRequestContext<'_> {
    /// Handles a request.
    pub(super) async fn act(&self, request: &SlackRequest) -> ActionResult {
        match &request.action {
            SlackAction::Command { text } => self.command(request, Command::parse(text)).await,
            SlackAction::Mention { text, .. } => match Command::parse(text) {
                Command::New { .. } | Command::Form | Command::Help => reply(HELP),
                command => self.command(request, command).await,
            },
            SlackAction::Press(press) => self.press(request, *press).await,
            SlackAction::Form(form) => self.submitted(request, form).await,
            SlackAction::Pin(pin) => self.pin(request, pin).await,
            SlackAction::Joined => self.joined(request).await,
        }
    }

    async fn command(&self, request: &SlackRequest, command: Command) -> ActionResult {
        match command {
            Command::Help => reply(HELP),
            Command::Form => self.open_new_form(request).await,
            Command::New { name } => self.open(request, &name, None, None).await,
            Command::Status { incident } => self.status(&self.find_incident(request, incident).await?).await,
            Command::Update { incident, message } => {
                let incident = self.find_incident(request, incident).await?;
                match message {
                    Some(message) => self.update(request, incident.id, message, None).await,
                    None => self.open_update_form(request, &incident).await,
                }
            }
            Command::Page { incident, whom } => {
                let incident = self.find_incident(request, incident).await?;
                self.page(request, &incident, &whom).await
            }
            Command::Acknowledge { incident } => {
                let incident = self.find_incident(request, incident).await?;
                self.acknowledge(request, &incident).await
            }
            Command::Close { incident, message } => {
                let incident = self.find_incident(request, incident).await?;
                self.close(request, incident.id, message).await
            }
            Command::Lead { incident, whom } => {
                let incident = self.find_incident(request, incident).await?;
                self.lead(request, &incident, &whom).await
            }
        }
    }

    async fn press(&self, request: &SlackRequest, press: ButtonPress) -> ActionResult {
        let store = &self.services.store;
        let find = async |id| match store.incident(self.org, id).await {
            Ok(Some(incident)) => Ok(incident),
            Ok(None) => Err(Refusal::Say("That incident does not exist.".to_owned())),
            Err(error) => Err(error.into()),
        };
        match press {
            // The message with the button is updated, so there is no reply.
            ButtonPress::Acknowledge(id) => self.acknowledge(request, &find(id).await?).await.map(|_| None),
            ButtonPress::Resolve(id) => self.close(request, id, None).await.map(|_| None),
            ButtonPress::Update(id) => self.open_update_form(request, &find(id).await?).await,
            ButtonPress::AcknowledgePage(id) => self.acknowledge_page(request, id).await,
        }
    }

    async fn submitted(&self, request: &SlackRequest, form: &SubmittedForm) -> ActionResult {
        match form {
            SubmittedForm::New { name, summary, severity } => {
                self.open(request, name, summary.clone(), *severity).await
            }
            SubmittedForm::Update { incident, message, severity } => {
                self.update(request, *incident, message.clone(), *severity).await
            }
        }
    }

    /// The incident that a request is about.
    async fn find_incident(&self, request: &SlackRequest, number: Option<u64>) -> Result<Incident, Refusal> {
        let found = match self.incident(number, request.channel.as_ref()).await? {
            // People in its channel may see a private incident; elsewhere only people who have a part in it.
            Some(incident) if number.is_some() && !self.may_see(request, &incident).await? => None,
            found => found,
        };
        found.ok_or_else(|| {
            Refusal::Say(match number {
                Some(number) => format!("The incident `INC-{number}` does not exist."),
                None => NO_INCIDENT_NAMED.to_owned(),
            })
        })
    }

    /// Says whether a person sees an incident that they named by its number.
    async fn may_see(&self, request: &SlackRequest, incident: &Incident) -> Result<bool, Refusal> {
        if incident.visibility == Visibility::Public {
            return Ok(true);
        }
        let here = self.incident(None, request.channel.as_ref()).await?;
        if here.is_some_and(|here| here.id == incident.id) {
            return Ok(true);
        }
        let user = match self.known(&request.user).await? {
            Some(user) => self.rules.user(user).await?,
            None => None,
        };
        Ok(user.is_some_and(|user| incident.is_seen_by(&Actor::person(self.org, &user))))
    }

    /// The actor of a request about an incident that the person may see.
    async fn actor_for(&self, request: &SlackRequest, incident: IncidentId) -> Result<Actor, Refusal> {
        Ok(self.actor(request).await?.invited(incident))
    }

    /// The actor of a request. A Slack user without a Firebell user may only open incidents.
    async fn actor(&self, request: &SlackRequest) -> Result<Actor, Refusal> {
        let user = match self.who(&request.user).await? {
            Some(user) => self.rules.user(user).await?,
            None => None,
        };
        user.map(|user| Actor::person(self.org, &user)).ok_or_else(|| {
            Refusal::Say(
                "No Firebell user has the email address of your Slack account. Ask an administrator to add you, then try again."
                    .to_owned(),
            )
        })
    }

    /// The actor of a request, if the Slack user is already linked to a user; otherwise an actor for the Slack user.
    async fn actor_or_slack_user(&self, request: &SlackRequest) -> Result<Actor, Refusal> {
        let user = match self.known(&request.user).await? {
            Some(user) => self.rules.user(user).await?,
            None => None,
        };
        Ok(user.map_or_else(|| stranger(self.org, &request.user), |user| Actor::person(self.org, &user)))
    }

    /// Opens an incident, without any call to Slack first.
    async fn open(
        &self,
        request: &SlackRequest,
        name: &str,
        summary: Option<String>,
        severity: Option<SeverityId>,
    ) -> ActionResult {
        let store = &self.services.store;
        let by = self.actor_or_slack_user(request).await?;
        let new = NewIncident {
            org: self.org,
            id: IncidentId::derived(request.at, format_args!("{} {}", self.org, request.key)),
            name: name.to_owned(),
            summary,
            visibility: Visibility::Public,
            triage: false,
            alert: None,
            trace: self.trace.clone(),
        };
        let given = Edit { severity, ..Edit::default() };
        let opened = incident::create::create(store, &by, new, &given, &request.key, self.now).await?;
        reply(format!("Opened {}. Its channel is being created.", named(&opened)))
    }

    /// Opens a form. Slack accepts it for three seconds after the request.
    async fn open_new_form(&self, request: &SlackRequest) -> ActionResult {
        let offered = self.severities().await?;
        let channel = request.channel.as_ref().map(ToString::to_string).unwrap_or_default();
        self.open_form(
            request,
            &new_form(&offered, &channel),
            "Type `/inc` and a name, such as `/inc the database is down`, to open an incident.",
        )
        .await
    }

    async fn open_update_form(&self, request: &SlackRequest, incident: &Incident) -> ActionResult {
        let offered = self.severities().await?;
        let view = update_form(incident.id, &incident.reference(), &offered);
        self.open_form(request, &view, "Type `/inc update` and your message to share an update.").await
    }

    async fn severities(&self) -> Result<Vec<(SeverityId, String)>, Refusal> {
        let choices = self.services.store.incident_choices(self.org).await?;
        Ok(choices.severities.into_iter().map(|severity| (severity.id, severity.what.name)).collect())
    }

    async fn open_form(
        &self,
        request: &SlackRequest,
        view: &serde_json::Value,
        instead: &str,
    ) -> ActionResult {
        let Some(trigger) = &request.trigger else { return reply(instead) };
        match self.connection.slack.open_view(&self.connection.token, trigger, view).await {
            Ok(()) => Ok(None),
            // An earlier attempt opened it.
            Err(error) if error.is("trigger_exchanged") => Ok(None),
            Err(CallError::Refused(_) | CallError::Later { .. }) => {
                reply(format!("Slack could not open the form. {instead}"))
            }
        }
    }

    async fn status(&self, incident: &Incident) -> ActionResult {
        let choices = self.services.store.incident_choices(self.org).await?;
        let steps = self.services.store.slack_steps(self.org, &Thread::incident(incident.id), "").await?;
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
        reply(lines.join("\n"))
    }

    async fn update(
        &self,
        request: &SlackRequest,
        id: IncidentId,
        message: String,
        severity: Option<SeverityId>,
    ) -> ActionResult {
        let by = self.actor_for(request, id).await?;
        let update = Update { message: Some(message), status: None, severity };
        let store = &self.services.store;
        incident::update::update(store, &by, id, &update, Some(&request.key), self.now).await?;
        reply("Shared.")
    }

    async fn page(&self, request: &SlackRequest, incident: &Incident, whom: &CommandTarget) -> ActionResult {
        let actor = self.actor_for(request, incident.id).await?;
        let Some(target) = self.called_by(whom, actor.identity().user()).await? else {
            return reply(
                "No person and no escalation path has that name. To open an incident with that name, type \
                 `/inc new …`.",
            );
        };
        let id = EscalationId::derived(request.at, format_args!("{} {}", self.org, request.key));
        let new = ManualEscalation::for_incident(incident, id, target, self.trace.clone());
        let (store, rules) = (&self.services.store, &self.services.rules);
        escalation::create::create(store, rules, &actor, (&request.key, new), self.now).await?;
        reply(format!("Started an escalation for {}.", named(incident)))
    }

    /// Acknowledges the escalations of an incident that still notify somebody.
    async fn acknowledge(&self, request: &SlackRequest, incident: &Incident) -> ActionResult {
        let by = self.actor_for(request, incident.id).await?;
        let acknowledged =
            incident::acknowledge::acknowledge(&self.services.store, &by, incident.id, self.now).await?;
        reply(if acknowledged.is_empty() {
            format!("Nobody is being notified for {}.", named(incident))
        } else {
            format!("You acknowledged {}.", named(incident))
        })
    }

    async fn acknowledge_page(&self, request: &SlackRequest, id: EscalationId) -> ActionResult {
        let by = self.actor(request).await?;
        let answered = respond::acknowledge(&self.services.store, &by, id, self.now).await?;
        let title = quoted(&shorten(&answered.escalation().title, TITLE_BYTES));
        let text = match answered {
            StopOutcome::Now(_) => format!("*{title}*\nYou acknowledged it."),
            StopOutcome::Already(_) => format!("*{title}*\nIt was already acknowledged, or has ended."),
        };
        Ok(Some(Reply { text, replaces: true }))
    }

    /// Closes an incident, and ends its paging.
    async fn close(&self, request: &SlackRequest, id: IncidentId, message: Option<String>) -> ActionResult {
        let by = self.actor_for(request, id).await?;
        let how = (message, request.key.as_str());
        let (incident, closed) = incident::close::close(&self.services.store, &by, id, how, self.now).await?;
        reply(match closed {
            Closed::Now => format!("Closed {}.", named(&incident)),
            Closed::Declined => format!("Declined {}.", named(&incident)),
            Closed::Already => format!("{} had already ended.", named(&incident)),
        })
    }

    async fn lead(&self, request: &SlackRequest, incident: &Incident, whom: &CommandTarget) -> ActionResult {
        let actor = self.actor_for(request, incident.id).await?;
        let lead = match self.called_by(whom, actor.identity().user()).await? {
            Some(EscalationTarget::Users(users)) => users.first().copied(),
            Some(EscalationTarget::Path(_)) | None => None,
        };
        let Some(lead) = lead else { return reply("No person has that name.") };
        let roles = self.services.store.incident_choices(self.org).await?.roles;
        let role = roles.iter().find(|role| role.what.kind == RoleKind::Lead);
        let Some(role) = role else { return reply("There is no lead role.") };
        let edit = Edit { roles: vec![(role.id, Some(lead))], announce: true, ..Edit::default() };
        incident::edit::edit(&self.services.store, &actor, incident.id, &edit, self.now).await?;
        let who = self.called(&Identity::User(lead)).await?;
        reply(format!("{} now leads {}.", quoted(&who), named(incident)))
    }

    /// Adds a message that was pinned in an incident's channel to the timeline.
    async fn pin(&self, request: &SlackRequest, pin: &PinnedMessage) -> ActionResult {
        let Some(incident) = self.incident(None, request.channel.as_ref()).await? else { return Ok(None) };
        let by = self.actor_or_slack_user(request).await?.invited(incident.id);
        let author = match &pin.author {
            Some(author) => match self.known(author).await? {
                Some(user) => Some(self.called(&Identity::User(user)).await?),
                None => None,
            },
            None => None,
        };
        let text = plain(&pin.text);
        let text = if text.trim().is_empty() { NO_TEXT.to_owned() } else { text };
        let message = PinnedText { text, author };
        // The key makes pinning the same message again a repeat.
        let key = format!("slack pin {}", pin.ts);
        incident::pin::pin(&self.services.store, &by, incident.id, &message, &key, self.now).await?;
        Ok(None)
    }

    /// Records that a person joined an incident's channel, so that they are not invited.
    async fn joined(&self, request: &SlackRequest) -> ActionResult {
        let Some(incident) = self.incident(None, request.channel.as_ref()).await? else { return Ok(None) };
        let id = domain::slack::StepId::of(super::follow::INVITE);
        let step = self.services.store.slack_step(self.org, &Thread::incident(incident.id), &id).await?;
        let Some(step) = step.filter(|step| !step.kept.people.contains(&request.user)) else {
            return Ok(None);
        };
        let user = request.user.clone();
        let noted = step.amend(self.now).map_err(crate::AppError::from)?;
        // A worker that is inviting people at this moment learns from Slack who is already in the channel.
        match self
            .services
            .store
            .commit(Commit::new().transition(noted.with(|step| step.kept.people.push(user))))
            .await
        {
            Ok(()) | Err(machine::CommitError::Conflict) => Ok(None),
            Err(error) => Err(crate::AppError::from(error).into()),
        }
    }
}
