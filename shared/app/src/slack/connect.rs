//! Connects an organisation with its workspace, and takes note when the workspace removes the app.

use domain::Timestamp;
use domain::id::OrgId;
use domain::slack::{TeamId, Workspace};
use machine::{CommitError, retry_conflicts};
use secrecy::ExposeSecret;
use slack::Authorised;
use store::{Commit, Store};
use tracing::{info, instrument};

use super::place;
use crate::AppError;
use crate::seal::Seal;

/// Connects an organisation with the workspace that its administrator has chosen. It may be another than before.
///
/// # Errors
/// [`AppError::Illegal`] if another organisation has the workspace.
#[instrument(skip_all, fields(slack.team = %authorised.team), err)]
pub async fn connect(
    store: &Store,
    seal: &Seal,
    org: OrgId,
    authorised: &Authorised,
    now: Timestamp,
) -> Result<(), AppError> {
    let mut org = store.org(org).await?.ok_or_else(|| AppError::not_found("organisation", org))?;
    let team = authorised.team.clone();
    let workspace = Workspace {
        team: team.clone(),
        name: domain::text::shorten(&authorised.name, 200),
        bot: authorised.bot.clone(),
        announcements: authorised.channel.clone(),
        token: seal.seal(&place(team.as_str()), authorised.token.expose_secret()),
        connected_at: now,
    };
    let before = org.slack.replace(workspace).map(|before| before.team).filter(|before| *before != team);
    let mut commit = Commit::new().slack_connected(&org, &team);
    if let Some(before) = before {
        commit = commit.slack_left(org.id, &before);
    }
    match store.commit(commit).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict)
            if store.org_of_team(&team).await?.is_some_and(|other| other != org.id) =>
        {
            Err(AppError::Illegal("another organisation has connected this workspace".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Forgets a workspace that has removed the app; one that has been connected again since stays.
///
/// # Errors
/// [`AppError`] if the news must come again.
#[instrument(skip_all, fields(slack.team = %team), err)]
pub async fn removed(store: &Store, team: &TeamId, at: Timestamp) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let Some(id) = store.org_of_team(team).await? else { return Ok(()) };
        let Some(mut org) = store.org(id).await? else { return Ok(()) };
        let stays = |workspace: &Workspace| workspace.team != *team || workspace.connected_at > at;
        if org.slack.as_ref().is_some_and(stays) {
            return Ok(());
        }
        org.slack = None;
        store.commit(Commit::new().slack_disconnected(&org, team)).await?;
        info!(slack.team = %team, "a workspace has removed the app");
        Ok(())
    })
    .await
}
