//! What all pages have around them, the one stylesheet and the one script.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::route::{Access, Route};

/// A file that pages refer to; its name changes with its content, so it is kept for ever.
struct Asset {
    name: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let hash = domain::text::fingerprint(content.as_bytes(), 16);
        Self { name: format!("{hash}.{extension}"), content_type, content }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// The stylesheet.
static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("style.css")));

/// The script: pages work without it, and look again by themselves with it.
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("script.js")));

/// The bell.
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml; charset=utf-8", include_str!("icon.svg")));

/// The routes of the files that pages refer to.
pub(super) const ROUTES: &[Route] = &[Route::get("/assets/{name}", Access::Anybody, || get(asset))];

async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.content).into_response()
}

/// What stands at the top of a page.
#[derive(Default)]
pub(super) struct Top<'a> {
    /// The page's title.
    pub(super) title: &'a str,
    /// What the browser is told beside it.
    pub(super) head: Markup,
    /// What stands beside the name.
    pub(super) bar: Markup,
    /// What keys do; only pages that have this have the script.
    pub(super) keys: Option<Markup>,
    /// What stands at the end.
    pub(super) footer: Markup,
    /// Whether the page is one narrow column.
    pub(super) narrow: bool,
}

/// A whole page.
pub(super) fn page(top: &Top<'_>, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                (top.head)
                link rel="stylesheet" href=(STYLE.path());
                link rel="icon" type="image/svg+xml" href=(ICON.path());
                @if top.keys.is_some() { script src=(SCRIPT.path()) defer {} }
                title { (top.title) " · Firebell" }
            }
            body class=[top.narrow.then_some("narrow")] {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    @let brand = html! { (PreEscaped(include_str!("icon.svg"))) span { "Firebell" } };
                    @if top.keys.is_some() { a.brand href="/" { (brand) } } @else { div.brand { (brand) } }
                    (top.bar)
                }
                main #main tabindex="-1" { (main) }
                @if let Some(keys) = &top.keys { footer { (top.footer) } (keys) }
            }
        }
    }
}

/// A page that says one thing.
pub(super) fn notice(title: &str, text: &Markup) -> Markup {
    let top = Top { title, narrow: true, ..Top::default() };
    page(&top, &html! { section.card.notice { h1 { (title) } (text) } })
}
