//! The list of incidents and the page of one.

use domain::Actor;
use domain::choice::Configured;
use domain::id::{IncidentId, StatusId};
use domain::incident::{Incident, IncidentState, Severity, Status};
use http::{Method, StatusCode};
use machine::Stateful;

use crate::faults::Fault;
use crate::support::{OUR_SCRIPT, Scene, Session, alert, between};

/// The newest incident.
async fn newest(scene: &Scene) -> Incident {
    let listed = scene.ctx.store.list_incidents_by(scene.org, store::Order::Newest, None, 1).await.unwrap();
    let id: IncidentId = listed[0].id.parse().unwrap();
    scene.ctx.store.incident(scene.org, id).await.unwrap().unwrap()
}

/// A severity by its name.
async fn severity(scene: &Scene, name: &str) -> Configured<Severity> {
    let choices = scene.ctx.store.incident_choices(scene.org).await.unwrap();
    choices.severities.into_iter().find(|one| one.what.name == name).unwrap()
}

fn status(scene: &Scene, state: IncidentState) -> StatusId {
    Status::default_id(scene.org, state)
}

/// Declares an incident on the page, and says where that is.
async fn declared(scene: &Scene, session: &Session, name: &str) -> String {
    let seen = scene.fill(session, "/incidents/new", &[("name", name), ("key", name)]).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
    seen.header("location").split('?').next().unwrap().to_owned()
}

/// What the timeline says, a line a step, the oldest first, without its times.
fn timeline(page: &str) -> Vec<String> {
    let steps = page.split("<div class=\"happened\">").skip(1);
    let mut steps: Vec<String> =
        steps.map(|step| between(&format!("<{step}"), "<", "<p class=\"when\">")).collect();
    steps.reverse();
    steps
}

#[tokio::test]
async fn timeline_of_an_incident_from_an_alert_is_complete_and_ordered() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    scene.pass(60);
    scene.post(&scene.link(&escalation, &scene.ada)).await;
    scene.pass(60);
    let major = severity(&scene, "Major").await.id.to_string();
    let fields =
        [("message", "Deleting old logs.\r\nThen we look."), ("severity", &*major), ("version", "1")];
    scene.fill(&session, "/incidents/1/update", &fields).await;
    scene.pass(60);
    let closed = status(&scene, IncidentState::Closed).to_string();
    scene.fill(&session, "/incidents/1/update", &[("to", &closed), ("version", "2")]).await;

    let page = scene.look(&session, "/incidents/1").await;

    assert_eq!(
        timeline(&page),
        [
            "Alert fired: Disk full",
            "Alertmanager created the incident Disk fullStatus Active",
            "Level 1 notified: Ada Oncall · Escalation",
            "Acknowledged by Ada Oncall · Escalation",
            "Olive Owner shared an updateDeleting old logs.\nThen we look.Severity Major",
            "Alert resolved by Olive Owner: Disk full",
            "Olive Owner edited the incidentStatus Active → to Closed",
        ]
    );
    assert!(page.contains("INC-1") && page.contains("Reopen incident</button>"), "{page}");
    assert!(!page.contains("Close incident</button>"), "it is closed");
}

#[tokio::test]
async fn closing_an_incident_on_its_page_ends_the_paging_that_was_started_for_it() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let page = format!("user-{}", scene.grace.id);
    let fields = [("name", "Checkout fails"), ("page", &*page), ("key", "k")];
    scene.fill(&session, "/incidents/new", &fields).await;
    let open = async || scene.ctx.store.open_escalations(scene.org, 9).await.unwrap().len();
    assert_eq!(open().await, 1);

    let closed = status(&scene, IncidentState::Closed).to_string();
    scene.fill(&session, "/incidents/1/update", &[("to", &closed), ("version", "1")]).await;

    assert_eq!(open().await, 0);
    let page = scene.look(&session, "/incidents/1").await;
    assert!(!page.contains("Acknowledge</button>"), "{page}");
}

#[tokio::test]
async fn timeline_is_the_same_for_changes_by_page_and_by_api() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let by = Actor::person(scene.org, &scene.owner);
    let (store, now) = (&scene.ctx.store, scene.ctx.now());
    let minor = severity(&scene, "Minor").await.id;
    let closed = status(&scene, IncidentState::Closed);
    let choices = store.incident_choices(scene.org).await.unwrap();
    let lead = choices.roles[0].id;
    declared(&scene, &session, "Same").await;
    let (minor_text, closed_text) = (minor.to_string(), closed.to_string());
    scene.fill(&session, "/incidents/1/update", &[("message", "On it"), ("severity", &minor_text)]).await;
    let role = format!("role-{lead}");
    scene.fill(&session, "/incidents/1/roles", &[(&role, &scene.ada.id.to_string())]).await;
    scene.fill(&session, "/incidents/1/update", &[("message", "Done"), ("status", &closed_text)]).await;

    // What `POST /v2/incidents`, `/v2/incident_updates` and `…/actions/edit` call.
    let new = app::incident::create::NewIncident {
        org: scene.org,
        id: IncidentId::new(now, 77),
        name: "Same".to_owned(),
        summary: None,
        visibility: domain::incident::Visibility::Public,
        triage: false,
        alert: None,
        trace: domain::trace::Trace::begin(7),
    };
    let none = app::incident::edit::Edit::default();
    let id = app::incident::create::create(store, &by, new, &none, "k", now).await.unwrap().id;
    let update = |message: &str, severity, status| app::incident::update::Update {
        message: Some(message.to_owned()),
        severity,
        status,
    };
    let share = async |update| {
        app::incident::update::update(store, &by, id, &update, None, now).await.unwrap();
    };
    share(update("On it", Some(minor), None)).await;
    let edit = app::incident::edit::Edit { roles: vec![(lead, Some(scene.ada.id))], ..none };
    app::incident::edit::edit(store, &by, id, &edit, now).await.unwrap();
    share(update("Done", None, Some(closed))).await;

    let one = timeline(&scene.look(&session, "/incidents/1").await);
    let other = timeline(&scene.look(&session, "/incidents/2").await);
    assert_eq!(one, other);
    assert_eq!(one.len(), 4, "{one:?}");
}

#[tokio::test]
async fn list_shows_open_incidents_and_filters_by_state_and_severity() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    for name in ["First", "Second", "Third"] {
        scene.pass(1);
        declared(&scene, &session, name).await;
    }
    let (closed, major) = (status(&scene, IncidentState::Closed), severity(&scene, "Major").await.id);
    let (closed, major) = (closed.to_string(), major.to_string());
    scene.fill(&session, "/incidents/1/update", &[("to", &closed)]).await;
    scene.fill(&session, "/incidents/2/update", &[("severity", &major)]).await;
    let named = async |path: &str| -> Vec<String> {
        let page = scene.look(&session, path).await;
        let rows = page.split("<span class=\"name\">").skip(1);
        rows.map(|row| between(&format!("<{row}"), "<bdi>", "</bdi>")).collect()
    };

    assert_eq!(named("/incidents").await, ["Third", "Second"]);
    assert_eq!(named("/incidents?show=over").await, ["First"]);
    assert_eq!(named("/incidents?show=all").await, ["Third", "Second", "First"]);
    assert_eq!(named(&format!("/incidents?severity={major}")).await, ["Second"]);
    assert_eq!(named("/incidents?show=post-incident").await, [""; 0]);
    assert_eq!(named("/incidents?show=%3Cscript%3E&severity=nonsense&after=x").await, ["Third", "Second"]);
}

#[tokio::test]
async fn every_page_of_the_list_makes_the_same_number_of_calls() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    for n in 0..60 {
        scene.pass(1);
        declared(&scene, &session, &format!("Incident {n}")).await;
    }
    let (mut path, mut found, mut asked) = ("/incidents".to_owned(), 0, Vec::new());
    loop {
        let before = scene.database.calls();
        let page = scene.look(&session, &path).await;
        asked.push(scene.database.calls() - before);
        found += page.matches("data-row").count();
        let Some((_, older)) = page.split_once("nav class=\"turn\"") else { break };
        let Some(next) = older.split("href=\"").skip(1).find(|rest| rest.contains("rel=\"next\"")) else {
            break;
        };
        let next = next.split('"').next().unwrap();
        if next == path || !next.contains("after=") {
            break;
        }
        path = next.replace("&amp;", "&");
    }

    assert_eq!(found, 60);
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| *asked <= 40), "{asked:?}");
}

#[tokio::test]
async fn number_of_calls_does_not_grow_with_the_timeline() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    declared(&scene, &session, "Long").await;
    let ask = async || {
        let before = scene.database.calls();
        scene.look(&session, "/incidents/1").await;
        scene.database.calls() - before
    };
    let short = ask().await;
    for n in 0..210 {
        let message = format!("Update {n}");
        scene.fill(&session, "/incidents/1/update", &[("message", &message)]).await;
    }

    assert_eq!(ask().await, short);
    let page = scene.look(&session, "/incidents/1").await;
    assert!(page.contains("Earlier entries are not shown.") && page.contains("Update 209"));
    assert!(!page.contains(">Update 9<"), "it is beyond what is read");
}

#[tokio::test]
async fn update_sent_twice_is_shared_once_and_the_same_text_later_again() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    declared(&scene, &session, "Twice").await;
    let version = async || newest(&scene).await.head().version();
    let before = version().await;
    let then = before.to_string();

    for _ in 0..2 {
        let seen = scene
            .fill(&session, "/incidents/1/update", &[("message", "Still looking"), ("version", &then)])
            .await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(version().await, before + 1);
    let now = version().await.to_string();
    scene.fill(&session, "/incidents/1/update", &[("message", "Still looking"), ("version", &now)]).await;

    assert_eq!(version().await, before + 2);
}

#[tokio::test]
async fn refused_update_keeps_its_text_and_shows_the_error() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    declared(&scene, &session, "Kept").await;
    let before = newest(&scene).await.head();
    let canceled = status(&scene, IncidentState::Canceled).to_string();
    let declined = status(&scene, IncidentState::Declined).to_string();

    for (fields, why) in [
        (vec![("message", "Precious <words>"), ("status", &*declined)], "no edge"),
        (
            vec![("message", "Precious <words>"), ("severity", "nonsense")],
            "The selected severity does not exist. Select another one.",
        ),
        (vec![("message", "  ")], "An update needs a message, a status or a severity."),
    ] {
        let seen = scene.fill(&session, "/incidents/1/update", &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        let said = between(&seen.text, "role=\"alert\">", "</p>");
        assert!(said.contains(why) || why == "no edge" && !said.is_empty(), "{said}");
        assert!(seen.text.contains("data-from=\"/incidents/1\""), "it updates from the page of the incident");
        if fields.len() > 1 {
            assert!(seen.text.contains("Precious &lt;words&gt;</textarea>"), "{}", seen.text);
        }
        assert_eq!(newest(&scene).await.head(), before);
    }
    scene.fill(&session, "/incidents/1/update", &[("to", &canceled)]).await;
    let page = scene.look(&session, "/incidents/1").await;
    assert!(!page.contains("Share update</button>"), "there is no way on");
}

#[tokio::test]
async fn edits_change_only_the_fields_that_the_person_changed() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    declared(&scene, &session, "Words").await;
    let choices = scene.ctx.store.incident_choices(scene.org).await.unwrap();
    let (lead, reporter) = (choices.roles[0].id, choices.roles[1].id);
    let (ada, grace) = (scene.ada.id.to_string(), scene.grace.id.to_string());
    let [role_lead, was_lead, role_reporter, was_reporter] =
        [("role", lead), ("was", lead), ("role", reporter), ("was", reporter)]
            .map(|(a, b)| format!("{a}-{b}"));
    scene.fill(&session, "/incidents/1/roles", &[(&role_lead, &ada), (&was_lead, "")]).await;

    // A page from before Ada had it: what it shows of her role is old, and was not touched.
    let stale = [(&*role_lead, ""), (&*was_lead, ""), (&*role_reporter, &*grace), (&*was_reporter, "")];
    scene.fill(&session, "/incidents/1/roles", &stale).await;
    let words =
        [("name", "Other words"), ("was_name", "Words"), ("summary", "What\r\nhappens"), ("was_summary", "")];
    scene.fill(&session, "/incidents/1/edit", &words).await;
    scene
        .fill(
            &session,
            "/incidents/1/edit",
            &[
                ("name", "Words"),
                ("was_name", "Words"),
                ("summary", "What\r\nhappens"),
                ("was_summary", "What\nhappens"),
            ],
        )
        .await;

    let incident = newest(&scene).await;
    assert_eq!(incident.roles.get(&lead), Some(&scene.ada.id));
    assert_eq!(incident.roles.get(&reporter), Some(&scene.grace.id));
    assert_eq!((&*incident.title, incident.summary.as_deref()), ("Other words", Some("What\nhappens")));
    let empty = [("name", " "), ("was_name", "Other words"), ("summary", ""), ("was_summary", "")];
    let seen = scene.fill(&session, "/incidents/1/edit", &empty).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.text.contains("A name is required."), "{}", seen.text);
}

#[tokio::test]
async fn private_incident_answers_404_to_people_who_may_not_see_it() {
    let scene = Scene::new().await;
    let new = app::incident::create::NewIncident {
        org: scene.org,
        id: IncidentId::new(scene.ctx.now(), 7),
        name: "Secret".to_owned(),
        summary: None,
        visibility: domain::incident::Visibility::Private,
        triage: false,
        alert: None,
        trace: domain::trace::Trace::begin(7),
    };
    let (store, now) = (&scene.ctx.store, scene.ctx.now());
    let by = Actor::person(scene.org, &scene.ada);
    let none = app::incident::edit::Edit::default();

    let incident = app::incident::create::create(store, &by, new, &none, "k", now).await.unwrap();

    assert!(incident.is_seen_by(&Actor::person(scene.org, &scene.ada)), "she opened it");
    assert!(incident.is_seen_by(&Actor::person(scene.org, &scene.owner)), "the owner sees all");
    assert!(!incident.is_seen_by(&Actor::person(scene.org, &scene.grace)));
}

#[tokio::test]
async fn get_requests_and_forms_of_other_sites_change_nothing() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    declared(&scene, &session, "Safe").await;
    let before = newest(&scene).await.head();

    for path in ["/incidents/1/update", "/incidents/1/edit", "/incidents/1/roles"] {
        assert_eq!(scene.ask(Method::GET, path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let stolen = Session { cookie: session.cookie.clone(), token: "x".to_owned() };
        let fields =
            [("message", "x"), ("name", "x"), ("was_name", ""), ("summary", ""), ("was_summary", "")];
        assert_eq!(scene.fill(&stolen, path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
        let nobody = Session { cookie: String::new(), token: session.token.clone() };
        assert_eq!(scene.fill(&nobody, path, &fields).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/incidents/2", "/incidents/x", "/incidents/%ff", "/incidents/INC-2", "/incidents/-1"] {
        assert_eq!(scene.browse(&session.cookie, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    scene.look(&session, "/incidents/INC-1").await;
    assert_eq!(newest(&scene).await.head(), before);
    scene.database.set(Fault::Unreachable);
    for path in ["/incidents", "/incidents/1", "/incidents/new"] {
        let seen = scene.browse(&session.cookie, path).await;
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}

#[tokio::test]
async fn hostile_texts_of_an_incident_are_shown_as_text() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let hostile = "<script>alert(1)</script>\u{202e}🔥\"'&";
    declared(&scene, &session, hostile).await;
    let fields = [("message", hostile)];
    scene.fill(&session, "/incidents/1/update", &fields).await;
    let words = [("name", "x"), ("was_name", "y"), ("summary", hostile), ("was_summary", "")];
    scene.fill(&session, "/incidents/1/edit", &words).await;

    for path in ["/incidents?show=all", "/incidents/1", "/incidents/1?done=%3Cscript%3E"] {
        let page = scene.look(&session, path).await.replacen(OUR_SCRIPT, "", 1);
        assert!(!page.contains("<script"), "{path}: {page}");
    }
    assert!(scene.look(&session, "/incidents/1").await.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn viewer_sees_no_forms_and_their_requests_are_refused() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    scene.owner_becomes_a_viewer().await;
    let alert = scene.ctx.store.list_alerts(scene.org, None, 1).await.unwrap()[0].id.clone();

    let escalation = format!("/escalations/{}", escalation.id);
    for path in ["/", "/incidents", "/incidents/1", &escalation, &format!("/alerts/{alert}")] {
        let page = scene.look(&session, path).await;
        let forms: Vec<&str> = page
            .split("method=\"post\" action=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(forms, ["/sign-out"], "{path}");
        assert!(!page.contains("Declare incident"), "{path}");
    }
    for (path, fields) in [
        ("/incidents/new", vec![("name", "x"), ("key", "k")]),
        ("/incidents/1/update", vec![("message", "x")]),
        ("/incidents/1/roles", vec![]),
        (&*format!("{escalation}/cancel"), vec![]),
        (&*format!("/alerts/{alert}/resolve"), vec![]),
        (&*format!("/alerts/{alert}/retrigger"), vec![]),
        (&*format!("/alerts/{alert}/notes"), vec![("text", "x")]),
        (&*format!("/alerts/{alert}/tags"), vec![("tags", "x")]),
    ] {
        assert_eq!(scene.fill(&session, path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}
