//! A page in the browser, and how a reader sees it.

use std::path::Path;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chromium::Chromium;
use crate::picture::Picture;

/// How one looks.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(crate) width: u32,
    pub(crate) dark: bool,
    pub(crate) print: bool,
}

/// On a desk, in daylight.
pub(crate) const WIDE: View = View {
    width: 1280,
    dark: false,
    print: false,
};

impl View {
    pub(crate) const fn narrow(self) -> Self {
        Self { width: 400, ..self }
    }

    pub(crate) const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    pub(crate) const fn print(self) -> Self {
        Self {
            print: true,
            ..self
        }
    }
}

/// What a reader has before their eyes; `look.js` finds it out.
#[derive(Deserialize)]
pub(crate) struct Look {
    pub(crate) width: u32,
    /// So wide is the page itself.
    pub(crate) scroll: u32,
    pub(crate) height: u32,
    pub(crate) text: String,
    /// `HOST=VERDICT`.
    pub(crate) rows: Vec<String>,
    /// How many of them are not shown.
    pub(crate) hidden: usize,
    /// Labels with nothing behind them.
    pub(crate) bare: Vec<String>,
    /// Texts beyond the edges of the screen.
    pub(crate) outside: Vec<String>,
    /// Texts that stand out too little from their ground.
    pub(crate) faint: Vec<String>,
}

/// One page.
pub(crate) struct Page {
    chromium: Chromium,
    session: String,
    /// URLs that were asked for, but for the page's own.
    pub(crate) requests: Vec<String>,
    /// What the browser complained of.
    pub(crate) complaints: Vec<String>,
}

impl Page {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut chromium = Chromium::start()?;
        let target = chromium.call(None, "Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = chromium.call(None, "Target.attachToTarget", attach)?;
        let session = attached["sessionId"].as_str().context("a session")?;
        let mut page = Self {
            chromium,
            session: session.to_owned(),
            requests: Vec::new(),
            complaints: Vec::new(),
        };
        for method in ["Page.enable", "Network.enable", "Log.enable"] {
            page.call(method, json!({}))?;
        }
        Ok(page)
    }

    fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.chromium.call(Some(&self.session), method, params)
    }

    /// Opens a file and looks at it.
    pub(crate) fn open(&mut self, path: &Path, view: View) -> anyhow::Result<Look> {
        self.view(view)?;
        self.chromium.events();
        let url = format!("file://{}", path.display());
        let answer = self.call("Page.navigate", json!({"url": url}))?;
        ensure!(answer["errorText"].is_null(), "{url}: {answer}");
        let mut events = self.chromium.until("Page.loadEventFired")?;
        let look = self.look()?;
        events.extend(self.chromium.events());
        self.requests = told(&events, "Network.requestWillBeSent", "/params/request/url");
        self.requests.retain(|request| *request != url);
        self.complaints = told(&events, "Log.entryAdded", "/params/entry/text");
        Ok(look)
    }

    /// Changes how one looks.
    pub(crate) fn view(&mut self, view: View) -> anyhow::Result<()> {
        let size =
            json!({"width": view.width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        let scheme = if view.dark { "dark" } else { "light" };
        let media = if view.print { "print" } else { "screen" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let media = json!({"media": media, "features": features});
        self.call("Emulation.setEmulatedMedia", media)?;
        Ok(())
    }

    /// Looks at what is open.
    pub(crate) fn look(&mut self) -> anyhow::Result<Look> {
        let look = self.evaluate(include_str!("look.js"))?;
        serde_json::from_value(look).context("look.js")
    }

    pub(crate) fn evaluate(&mut self, script: &str) -> anyhow::Result<Value> {
        let script = json!({"expression": script, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", script)?;
        ensure!(answer["exceptionDetails"].is_null(), "{answer}");
        Ok(answer["result"]["value"].take())
    }

    /// What is on the screen, kept as a file too.
    pub(crate) fn screenshot(&mut self, name: &str) -> anyhow::Result<Picture> {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        let png = decoded(&answer)?;
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        std::fs::write(&path, &png).with_context(|| format!("writing {}", path.display()))?;
        tests::say(&format!("screenshot: {}", path.display()));
        Picture::decode(&png)
    }

    /// The page as a printer gets it.
    pub(crate) fn pdf(&mut self) -> anyhow::Result<Vec<u8>> {
        let answer = self.call("Page.printToPDF", json!({"printBackground": false}))?;
        decoded(&answer)
    }
}

fn decoded(answer: &Value) -> anyhow::Result<Vec<u8>> {
    let data = answer["data"].as_str().context("data")?;
    STANDARD.decode(data).context("base64")
}

fn told(events: &[Value], name: &str, pointer: &str) -> Vec<String> {
    let events = events.iter().filter(|event| event["method"] == name);
    let texts = events.filter_map(|event| event.pointer(pointer)?.as_str());
    texts.map(str::to_owned).collect()
}
