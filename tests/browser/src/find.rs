//! Finding things on a page, as a reader of the screen names them, or by CSS.
//!
//! A locator is `role/name`, such as `button/Order`, `link/Prices` or `heading/Shop`:
//! the role and the name that the browser gives to assistive technology. What has no such name
//! cannot be found so, nor can it by those who need it. Anything else is CSS. What is acted on must
//! be the only one of its kind; what is hidden has neither role nor name.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::page::{Page, value_of};

/// Roles of what is there to be clicked.
const CLICKABLE: [&str; 9] =
    ["button", "link", "summary", "checkbox", "radio", "switch", "tab", "menuitem", "option"];

/// Roles of what is there to be filled in.
const FIELDS: [&str; 7] =
    ["textbox", "searchbox", "spinbutton", "combobox", "listbox", "checkbox", "radio"];

/// The browser's handle of something on the page. A navigation makes it useless.
pub(super) struct Element {
    pub object: String,
}

struct Named {
    role: String,
    name: String,
    node: Value,
}

impl Page {
    /// The visible text of the first element that matches, which is waited for.
    pub async fn text(&self, css: &str) -> String {
        self.attempt(css, async || {
            self.read_texts(css).await?.into_iter().next().context("nothing matches")
        })
        .await
    }

    /// The visible texts of all elements that match at the moment.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        self.attempt(css, async || self.read_texts(css).await).await
    }

    /// An attribute of the first element that matches, which is waited for.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let read = format!("document.querySelector({}).getAttribute({})", json!(css), json!(name));
        let value = self.attempt(css, async || self.script(&read).await).await;
        value.as_str().map(ToOwned::to_owned)
    }

    /// How many things match a locator at the moment.
    pub async fn count(&self, locator: &str) -> usize {
        self.attempt(locator, async || match as_role(locator) {
            Some((role, name)) => Ok(self.named(&[role], name).await?.len()),
            None => self.count_css(locator).await,
        })
        .await
    }

    pub(super) async fn find(&self, locator: &str) -> anyhow::Result<Element> {
        if let Some((role, name)) = as_role(locator) {
            return self.only(&[role], name).await;
        }
        let count = self.count_css(locator).await?;
        anyhow::ensure!(count == 1, "{count} elements match");
        let expression = format!("document.querySelector({})", json!(locator));
        let found = self.call("Runtime.evaluate", json!({ "expression": expression })).await?;
        element(&found["result"])
    }

    /// What shows this text: something that is there to be clicked, or else any text.
    pub(super) async fn find_text(&self, text: &str) -> anyhow::Result<Element> {
        let is_plain = self.named(&CLICKABLE, text).await?.is_empty();
        let roles = if is_plain { &["StaticText"][..] } else { &CLICKABLE };
        self.only(roles, text).await
    }

    pub(super) async fn find_field(&self, label: &str) -> anyhow::Result<Element> {
        self.only(&FIELDS, label).await
    }

    /// Calls a function with the element as `this`.
    pub(super) async fn on(
        &self,
        element: &Element,
        function: &str,
        arguments: &[Value],
    ) -> anyhow::Result<Value> {
        let arguments: Vec<_> = arguments.iter().map(|value| json!({ "value": value })).collect();
        let how = json!({
            "objectId": element.object, "functionDeclaration": function, "arguments": arguments,
            "returnByValue": true
        });
        value_of(self.call("Runtime.callFunctionOn", how).await?)
    }

    async fn read_texts(&self, css: &str) -> anyhow::Result<Vec<String>> {
        let all = format!(
            "Array.from(document.querySelectorAll({}), one => one.innerText.trim())",
            json!(css)
        );
        Ok(serde_json::from_value(self.script(&all).await?)?)
    }

    async fn count_css(&self, css: &str) -> anyhow::Result<usize> {
        let count = format!("document.querySelectorAll({}).length", json!(css));
        Ok(serde_json::from_value(self.script(&count).await?)?)
    }

    async fn only(&self, roles: &[&str], name: &str) -> anyhow::Result<Element> {
        let found = self.named(roles, name).await?;
        let [one] = found.as_slice() else {
            let there = self.clickable().await?.join(", ");
            anyhow::bail!("{} have this name. There are: {there}", found.len());
        };
        let found = self.call("DOM.resolveNode", json!({ "backendNodeId": one.node })).await?;
        element(&found["object"])
    }

    /// What has one of these roles and this name.
    async fn named(&self, roles: &[&str], name: &str) -> anyhow::Result<Vec<Named>> {
        let mut all = self.all_named().await?;
        all.retain(|one| one.name == words(name) && roles.contains(&one.role.as_str()));
        Ok(all)
    }

    async fn clickable(&self) -> anyhow::Result<Vec<String>> {
        let all = self.all_named().await?.into_iter();
        let of_use = |one: &Named| [&CLICKABLE[..], &FIELDS].concat().contains(&one.role.as_str());
        Ok(all.filter(of_use).map(|one| format!("{}/{}", one.role, one.name)).collect())
    }

    async fn all_named(&self) -> anyhow::Result<Vec<Named>> {
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await?;
        let nodes = tree["nodes"].as_array().context("no tree")?.iter();
        let seen = nodes.filter(|node| node["ignored"] != json!(true));
        Ok(seen.filter_map(named).collect())
    }
}

fn named(node: &Value) -> Option<Named> {
    let role = node["role"]["value"].as_str()?;
    // The browser's own term, which has changed before.
    let role = if role.starts_with("DisclosureTriangle") { "summary" } else { role };
    Some(Named {
        role: role.to_owned(),
        name: words(node["name"]["value"].as_str()?),
        node: node.get("backendDOMNodeId")?.clone(),
    })
}

fn element(object: &Value) -> anyhow::Result<Element> {
    let object = object["objectId"].as_str().context("it is gone")?;
    Ok(Element { object: object.to_owned() })
}

/// Names are compared word by word: a line break or a blank at the end is not part of a name.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No CSS begins with a word and a slash.
fn as_role(locator: &str) -> Option<(&str, &str)> {
    let (role, name) = locator.split_once('/')?;
    let is_word = !role.is_empty() && role.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_word.then_some((role, name))
}
