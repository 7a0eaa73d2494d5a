//! Connects an organisation to a Slack workspace, and records when the workspace removes the app.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget, changes};
use domain::id::{AuditId, OrgId};
use domain::org::Org;
use domain::slack::{Refused, TeamId, Workspace};
use domain::{Actor, Timestamp};
use machine::{CommitError, retry_conflicts};
use secrecy::ExposeSecret;
use slack::Authorised;
use store::{Commit, Store};
use tracing::{info, instrument, warn};

use super::place;
use crate::seal::Seal;
use crate::{AppError, Random};

/// The audit log's name of the organisation.
fn thing(org: &Org) -> AuditTarget {
    AuditTarget::new(AuditKind::Organisation, org.id, &org.name)
}

/// Connects an organisation to the workspace that its administrator chose. It may replace another workspace.
///
/// # Errors
/// [`AppError::Illegal`] if another organisation has the workspace, [`AppError::Forbidden`] if they may not.
#[instrument(skip_all, fields(slack.team = %authorised.team))]
pub async fn connect(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    authorised: &Authorised,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let before = store.org(by.org()).await?.ok_or_else(|| AppError::not_found("organisation", by.org()))?;
    let mut org = Org { version: before.version + 1, ..before.clone() };
    let team = authorised.team.clone();
    let workspace = Workspace {
        team: team.clone(),
        name: domain::text::shorten(&authorised.name, 200),
        bot: authorised.bot.clone(),
        announcements: authorised.channel.clone(),
        token: seal.seal(&place(team.as_str()), authorised.token.expose_secret()),
        connected_at: now,
        refused: None,
    };
    let left = org.slack.replace(workspace).map(|before| before.team).filter(|before| *before != team);
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&org))
        .changing(changes(Some(&before), Some(&org)));
    let mut commit = Commit::new().slack_connected(&org, &team, &entry);
    if let Some(left) = left {
        commit = commit.slack_left(org.id, &left);
    }
    match store.commit(commit).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict)
            if store.org_of_team(&team).await?.is_some_and(|other| other != org.id) =>
        {
            Err(AppError::Illegal("another organisation is connected to this workspace".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Records that Slack rejected the workspace token, so that an administrator sees it.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(slack.team = %of.team))]
pub(super) async fn refused(
    store: &Store,
    org: OrgId,
    (of, word): (&Workspace, &str),
    now: Timestamp,
) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let Some(org) = store.org(org).await? else { return Ok(()) };
        // Another workspace was connected in the meantime, or the rejection is already recorded.
        let Some(slack) = org.slack.as_ref().filter(|slack| slack.token == of.token) else { return Ok(()) };
        if slack.refused.is_some() {
            return Ok(());
        }
        let slack = Workspace { refused: Some(Refused { at: now, word: word.to_owned() }), ..slack.clone() };
        let after = Org { slack: Some(slack), version: org.version + 1, ..org.clone() };
        let id = AuditId::derived(now, format_args!("{} {word}", of.team));
        let entry = AuditEntry::by_system(org.id, "slack", id, AuditAction::Updated, thing(&org))
            .changing(changes(Some(&org), Some(&after)));
        store.commit(Commit::new().slack_refused(&after, &entry)).await?;
        warn!(reason = word, "Slack rejected the workspace token (revoked)");
        Ok(())
    })
    .await
}

/// Disconnects a workspace that removed the app, unless it was connected again since.
///
/// # Errors
/// [`AppError`] if the news must come again.
#[instrument(skip_all, fields(slack.team = %team))]
pub async fn removed(store: &Store, team: &TeamId, at: Timestamp) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let Some(id) = store.org_of_team(team).await? else { return Ok(()) };
        let Some(org) = store.org(id).await? else { return Ok(()) };
        let stays = |workspace: &Workspace| workspace.team != *team || workspace.connected_at > at;
        if org.slack.as_ref().is_some_and(stays) {
            return Ok(());
        }
        let after = Org { slack: None, version: org.version + 1, ..org.clone() };
        // The id is derived, so that a repeated message writes the same entry.
        let entry = AuditId::derived(at, team);
        let entry = AuditEntry::by_system(id, "slack", entry, AuditAction::Updated, thing(&org))
            .changing(changes(Some(&org), Some(&after)));
        store.commit(Commit::new().slack_disconnected(&after, team, &entry)).await?;
        info!(slack.team = %team, "Slack app removed from a workspace");
        Ok(())
    })
    .await
}
