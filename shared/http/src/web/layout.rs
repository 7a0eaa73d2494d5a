//! The layout of every page, the stylesheet, the script and the icon.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::route::{Access, Route};

/// A static file. Its name is a hash of its content, so browsers may keep it forever.
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
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = concat!(include_str!("style.css"), include_str!("style/parts.css"));
    Asset::new("css", "text/css; charset=utf-8", content)
});

/// The script. Pages work without it; with it they update automatically and have keyboard shortcuts.
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("script.js")));

/// The icon, a bell.
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml; charset=utf-8", include_str!("icon.svg")));

/// The routes of the static files.
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

/// The parts of a page around its content.
#[derive(Default)]
pub(super) struct Layout<'a> {
    /// The title of the page.
    pub(super) title: &'a str,
    /// Additional elements of the HTML head.
    pub(super) head: Markup,
    /// The content of the header bar beside the name.
    pub(super) bar: Markup,
    /// The dialogs of the script. Only pages that have these load the script.
    pub(super) dialogs: Option<Markup>,
    /// The footer.
    pub(super) footer: Markup,
    /// Whether the page is one narrow column.
    pub(super) narrow: bool,
}

/// Builds a whole page.
pub(super) fn page(layout: &Layout<'_>, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                (layout.head)
                link rel="stylesheet" href=(STYLE.path());
                link rel="icon" type="image/svg+xml" href=(ICON.path());
                @if layout.dialogs.is_some() { script src=(SCRIPT.path()) defer {} }
                title { (layout.title) " · Firebell" }
            }
            body class=[layout.narrow.then_some("narrow")] {
                a.skip href="#main" { "Skip to main content" }
                header.top {
                    @let brand = html! { (PreEscaped(include_str!("icon.svg"))) span { "Firebell" } };
                    @if layout.dialogs.is_some() { a.brand href="/" { (brand) } } @else { div.brand { (brand) } }
                    (layout.bar)
                }
                main #main tabindex="-1" { (main) }
                @if let Some(dialogs) = &layout.dialogs { footer { (layout.footer) } (dialogs) }
            }
        }
    }
}

/// Builds a page with one short message.
pub(super) fn notice(title: &str, text: &Markup) -> Markup {
    let layout = Layout { title, narrow: true, ..Layout::default() };
    page(&layout, &html! { section.card.notice { h1 { (title) } (text) } })
}
