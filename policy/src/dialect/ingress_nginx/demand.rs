//! The demand on clients: the six annotations `auth-tls-*`, in the order in which
//! `internal/ingress/annotations/authtls/main.go` reads them.

use super::page::is_page;
use super::pattern;
use super::syntax::{KNOWN, SUBJECT_START};
use super::values::{Ingress, is_basic, shown};
use crate::fact::{Demand, Harm, Mode, Remark, RemarkKind, TrustRef};
use crate::site::{Repair, Site};

/// What the annotations come to.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) demand: Option<Demand>,
    /// Why the Ingress is not loaded, whatever its Secret.
    pub(super) dropped: Option<String>,
    /// Why it is not loaded once its Secret is found: the Secret comes first (`:151-174`).
    pub(super) dropped_with_ca: Option<String>,
    pub(super) depth: i64,
    /// Why nginx refuses the configuration with this demand in force.
    pub(super) fatal: Option<Site>,
    pub(super) page: Option<(String, Site)>,
}

const SECRET: &str = "auth-tls-secret";
const MODE: &str = "auth-tls-verify-client";
const DEPTH: &str = "auth-tls-verify-depth";
const PAGE: &str = "auth-tls-error-page";
const PASS: &str = "auth-tls-pass-certificate-to-upstream";
const SUBJECT: &str = "auth-tls-match-cn";

impl Ingress<'_> {
    pub(super) fn asked(&self, remarks: &mut Vec<Remark>) -> Asked {
        let Some(trust) = self.client_ca(remarks) else {
            self.remark_orphans(remarks);
            return Asked::default();
        };
        if !self.passes(SECRET, |value| value.chars().all(is_basic)) {
            let reason = format!(
                "{} has characters that a Secret's name cannot have",
                shown(&trust.spelt)
            );
            remarks.push(self.dropped(SECRET, &reason));
            return Asked {
                dropped: Some(reason),
                ..Asked::default()
            };
        }
        let mut asked = Asked {
            dropped_with_ca: self.refused_values(remarks),
            ..Asked::default()
        };
        let mode = self.mode(remarks, &mut asked);
        self.depth(remarks, &mut asked);
        self.page(remarks, &mut asked);
        let subject = self.subject(remarks, &mut asked);
        let spelt = self.value(MODE);
        asked.demand = Some(Demand {
            mode,
            site: match spelt {
                Some(_) => self.site(MODE),
                None => trust.site.clone(),
            },
            spelt: spelt.unwrap_or_default().to_owned(),
            trust: vec![trust],
            subject,
        });
        asked
    }

    /// The reference to the Secret; an empty one is ignored (`parser/main.go:117-128`).
    fn client_ca(&self, remarks: &mut Vec<Remark>) -> Option<TrustRef> {
        let trust = self.secret(SECRET);
        if trust.is_none() && self.has(SECRET) {
            remarks.push(self.remark(
                SECRET,
                RemarkKind::NoEffect,
                Harm::Opens,
                "auth-tls-secret is empty: the controller ignores it and asks nobody for a \
                    certificate",
                "name the Secret with the client CA as namespace/name",
            ));
        }
        trust
    }

    /// A value outside the four becomes `on` (`:176-180`); blanks pass the validator, line ends
    /// do not, and neither matches afterwards.
    fn mode(&self, remarks: &mut Vec<Remark>, asked: &mut Asked) -> Mode {
        let Some(value) = self.value(MODE) else {
            return Mode::Required;
        };
        let known = |value: &str| known_mode(value).is_some();
        let anchored = self.controller.anchors_modes();
        let contains = |value: &str| {
            value.contains("on") || value.contains("off") || value.contains("optional")
        };
        let valid = |value: &str| known(value) || (!anchored && contains(value));
        let mode = known_mode(value).filter(|_| self.passes(MODE, valid));
        if let Some(mode) = mode {
            return mode;
        }
        if !anchored && contains(value) && !known(value) {
            asked.fatal = Some(self.site(MODE));
            let value = shown(value);
            remarks.push(self.fatal(
                MODE,
                &format!(
                    "{MODE} {value} reaches nginx as it \
                stands, because this version takes what contains a mode"
                ),
            ));
            return Mode::Required;
        }
        let message = format!(
            "{MODE} {} is not one of on, off, optional and optional_no_ca: the controller \
             takes it for \"on\"",
            shown(self.raw(MODE).unwrap_or_default())
        );
        let mut remark = self.remark(
            MODE,
            RemarkKind::Invalid,
            Harm::Harmless,
            &message,
            "write \"on\"",
        );
        remark.repair = repaired_mode(value).map(|value| Repair {
            pointer: self.site(MODE).pointer,
            value: value.into(),
        });
        remarks.push(remark);
        Mode::Required
    }

    /// `strconv.Atoi`: no number, or 0, becomes 1; a negative number is kept, and nginx refuses
    /// it (`:182-186`).
    fn depth(&self, remarks: &mut Vec<Remark>, asked: &mut Asked) {
        asked.depth = 1;
        let Some(value) = self.raw(DEPTH) else { return };
        let depth = value.parse::<i64>();
        let value = shown(value);
        match depth {
            Ok(depth) if depth > 0 => asked.depth = depth,
            Ok(0) | Err(_) => {
                let message = format!(
                    "{DEPTH} {value} is no number of intermediate CAs: the controller takes \
                        it for 1"
                );
                let hint = "write \"1\" or more";
                remarks.push(self.remark(
                    DEPTH,
                    RemarkKind::Invalid,
                    Harm::Harmless,
                    &message,
                    hint,
                ));
            }
            Ok(_) => {
                asked.fatal = Some(self.site(DEPTH));
                remarks.push(self.fatal(
                    DEPTH,
                    &format!("{DEPTH} {value} is no number of intermediate CAs"),
                ));
            }
        }
    }

    /// A page that begins with a slash is fetched from the backend; anything else without a
    /// scheme is a redirect relative to the host, and a name is that of a location.
    fn page(&self, remarks: &mut Vec<Remark>, asked: &mut Asked) {
        let Some(value) = self.value(PAGE).filter(|_| asked.dropped_with_ca.is_none()) else {
            return;
        };
        if value.len() > pattern::LONGEST {
            asked.fatal = Some(self.site(PAGE));
            remarks.push(self.fatal(PAGE, &format!("{PAGE} {} is too long", shown(value))));
        }
        asked.page = Some((value.to_owned(), self.site(PAGE)));
        let makes = if value.starts_with('@') {
            "no location has this name: refused clients get 500 instead of 400"
        } else if !value.starts_with('/') && !value.contains("://") {
            "without a scheme it is a path: refused clients are redirected to it on the same \
                host, and refused again"
        } else {
            return;
        };
        let message = format!("{PAGE} {}: {makes}", shown(value));
        let hint = "give a full URL, https://…, or leave it out";
        remarks.push(self.remark(PAGE, RemarkKind::Invalid, Harm::Harmless, &message, hint));
    }

    /// What nginx searches in the subject; an empty pattern is none.
    fn subject(&self, remarks: &mut Vec<Remark>, asked: &mut Asked) -> Option<String> {
        let Some(value) = self.value(SUBJECT) else {
            if self.has(SUBJECT) {
                remarks.push(self.remark(
                    SUBJECT,
                    RemarkKind::NoEffect,
                    Harm::Opens,
                    "auth-tls-match-cn is empty: the controller ignores it, and every subject \
                        is let in",
                    "write the whole name and its end, as CN=alice(,|$)",
                ));
            }
            return None;
        };
        if asked.dropped_with_ca.is_none() && !pattern::nginx_accepts(value) {
            asked.fatal = Some(self.site(SUBJECT));
            let value = shown(value);
            remarks.push(self.fatal(
                SUBJECT,
                &format!("{SUBJECT} {value} is no pattern that nginx takes"),
            ));
        }
        if self.controller.injects_patterns() {
            let (major, minor, patch) = self.controller.version;
            let message = format!(
                "{SUBJECT} with ingress-nginx {major}.{minor}.{patch}: whoever may write an Ingress can put \
                 directives of nginx into it (CVE-2025-1097)"
            );
            let hint = "upgrade ingress-nginx to 1.11.5, 1.12.1 or later";
            remarks.push(self.remark(
                SUBJECT,
                RemarkKind::Outdated,
                Harm::Harmless,
                &message,
                hint,
            ));
        }
        Some(value.to_owned())
    }

    /// Values that make the controller drop the whole Ingress (`annotations.go:192-195`).
    fn refused_values(&self, remarks: &mut Vec<Remark>) -> Option<String> {
        if !self.controller.validates() {
            return None;
        }
        let mut reasons = Vec::new();
        if let Some(Err(value)) = self.boolean(PASS) {
            let value = shown(value);
            reasons.push((PASS, format!("{PASS} {value} is neither true nor false")));
        }
        let named = self.controller.knows_named_pages();
        let anchored = self.controller.anchors_modes();
        if !self.passes(PAGE, |value| !anchored || is_page(value, named)) {
            let value = shown(self.raw(PAGE).unwrap_or_default());
            reasons.push((
                PAGE,
                format!("{PAGE} {value} is no page that the controller takes"),
            ));
        }
        if let Some(value) = self.raw(SUBJECT) {
            match value.strip_prefix(SUBJECT_START) {
                None => reasons.push((SUBJECT, format!("{SUBJECT} does not begin with CN="))),
                Some(rest) if !pattern::go_accepts(rest) => {
                    let value = shown(value);
                    reasons.push((
                        SUBJECT,
                        format!("{SUBJECT} {value} is no regular expression for Go"),
                    ));
                }
                Some(_) => {}
            }
        }
        remarks.extend(
            reasons
                .iter()
                .map(|(suffix, reason)| self.dropped(suffix, reason)),
        );
        reasons.into_iter().next().map(|(_, reason)| reason)
    }

    pub(super) fn dropped(&self, suffix: &str, reason: &str) -> Remark {
        let message = format!("{reason}: the controller does not load the Ingress");
        self.remark(
            suffix,
            RemarkKind::Invalid,
            Harm::Closes,
            &message,
            "correct the value",
        )
    }

    /// What passes the controller and stops nginx (`nginx.go:703`).
    fn fatal(&self, suffix: &str, reason: &str) -> Remark {
        let message = format!(
            "{reason}: nginx refuses the whole configuration, and no change of any Ingress \
             takes effect until it is corrected"
        );
        self.remark(
            suffix,
            RemarkKind::Invalid,
            Harm::Closes,
            &message,
            "correct the value",
        )
    }

    /// Settings beside a Secret that is not named; the controller does not look at them.
    fn remark_orphans(&self, remarks: &mut Vec<Remark>) {
        let orphans = KNOWN
            .iter()
            .filter(|known| **known != SECRET && !self.has(SECRET));
        for suffix in orphans.filter(|suffix| self.value(suffix).is_some()) {
            let message = format!(
                "{suffix} has no effect without auth-tls-secret: nobody is asked for a \
                    certificate"
            );
            let hint = format!(
                "name the Secret with the client CA in {}{SECRET}",
                self.controller.prefix
            );
            remarks.push(self.remark(suffix, RemarkKind::NoEffect, Harm::Opens, &message, &hint));
        }
    }

    /// Where the Ingress says that the backend gets the certificate.
    pub(super) fn passes_certificate(&self) -> Option<Site> {
        (self.switch(PASS) == Some(true)).then(|| self.site(PASS))
    }
}

fn known_mode(value: &str) -> Option<Mode> {
    match value {
        "on" => Some(Mode::Required),
        "off" => Some(Mode::Off),
        "optional" => Some(Mode::Optional),
        "optional_no_ca" => Some(Mode::OptionalUnverified),
        _ => None,
    }
}

/// `On`, `TRUE`, `o n`: what can only mean `on`. Never a word that might mean off.
fn repaired_mode(value: &str) -> Option<String> {
    let compact: String = value.split_whitespace().collect::<String>().to_lowercase();
    ["on", "true", "yes", "enabled", "required"]
        .contains(&compact.as_str())
        .then(|| "on".to_owned())
}
