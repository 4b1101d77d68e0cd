//! Scripts of the tests in a world of their own inside the page: they see the page as it is, the
//! page does not see them, and a policy that forbids foreign scripts does not matter.

use serde_json::{Value, json};

use super::page::{Page, value_of};

impl Page {
    /// Runs a script apart from the page, then gives what the expression is there; a promise is
    /// awaited. A page whose scripts are off gets them back for the moment; its own have missed
    /// their time by then.
    pub async fn evaluate_apart(&self, script: &str, expression: &str) -> Value {
        self.at_rest().await.expect("a page at rest");
        self.run_scripts(true).await.expect("scripts");
        let found = self.run_apart(script, expression).await;
        self.run_scripts(self.options.javascript).await.expect("the scripts as they were");
        found.expect("a value")
    }

    async fn run_apart(&self, script: &str, expression: &str) -> anyhow::Result<Value> {
        let world = json!({ "frameId": self.frame, "worldName": "apart" });
        let world = self.call("Page.createIsolatedWorld", world).await?;
        let world = &world["executionContextId"];
        self.script_in(world, script, false).await?;
        self.script_in(world, expression, true).await
    }

    async fn script_in(&self, world: &Value, script: &str, give: bool) -> anyhow::Result<Value> {
        let how = json!({
            "expression": script, "contextId": world, "awaitPromise": give, "returnByValue": give
        });
        value_of(self.call("Runtime.evaluate", how).await?)
    }
}
