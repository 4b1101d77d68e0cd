//! Accessibility, as axe-core judges it.
//!
//! The script comes from a pinned wheel, like the engines, and runs apart from the page.

use ::browser::Page;
use anyhow::Context as _;
use embedded::{EngineDirs, Version, Wheel};
use serde::Deserialize;
use tokio::sync::OnceCell;

static AXE: Wheel = Wheel {
    package: "axe-playwright-python",
    version: "0.1.8",
    engine: Version::new(4, 12, 1),
    bytes: 160_681,
    sha256: "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
    programs: "",
    keep: &["axe_playwright_python/axe.min.js", "axe_playwright_python-0.1.8.dist-info/"],
};

static SCRIPT: OnceCell<String> = OnceCell::const_new();

const RUN: &str = r#"axe.run(document, { resultTypes: ["violations"] }).then(found =>
    found.violations.map(({ id, impact, help, nodes }) => ({
        id, impact: impact ?? "", help,
        nodes: nodes.map(node => node.target.join(" ") + "  " + node.html),
    })))"#;

/// A rule that a page breaks.
#[derive(Debug, Clone, Deserialize)]
pub struct Violation {
    /// The rule's name.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What to do.
    pub help: String,
    /// Where: a selector and the element, each.
    pub nodes: Vec<String>,
}

/// Fails if the page is not accessible: at what axe calls serious or critical.
pub async fn assert_accessible(page: &Page) {
    let mut found = violations(page).await;
    found.retain(|one| one.impact == "serious" || one.impact == "critical");
    let lines: Vec<String> = found
        .iter()
        .map(|one| {
            format!("{} ({}): {}\n  {}", one.id, one.impact, one.help, one.nodes.join("\n  "))
        })
        .collect();
    assert!(found.is_empty(), "{} shuts people out:\n{}", page.url().await, lines.join("\n"));
}

/// The rules of axe-core that the page breaks as it is now.
pub async fn violations(page: &Page) -> Vec<Violation> {
    let script = SCRIPT.get_or_try_init(fetch).await.expect("axe-core");
    let found = page.evaluate_apart(script, RUN).await;
    serde_json::from_value(found).expect("a judgement of axe")
}

async fn fetch() -> anyhow::Result<String> {
    let folder = AXE.fetch("axe-core", &EngineDirs::from_env()?).await?;
    let path = folder.join(AXE.keep[0]);
    tokio::fs::read_to_string(&path).await.with_context(|| path.display().to_string())
}
