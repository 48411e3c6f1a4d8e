//! The rules: one sin a file, named for the sin. A rule sees a host, its facts and certificates,
//! never an annotation.

mod client_auth_off;
mod error_page_bypass;
mod exception_expired;
mod expired_ca;
mod expiring_ca;
mod foreign_namespace;
mod intermediate_without_root;
mod invalid_setting;
mod malformed_ca_reference;
mod missing_ca;
mod not_a_ca;
mod option_conflict;
mod optional_client_cert;
mod overruled_setting;
mod oversized_bundle;
mod plaintext_bypass;
mod policy_demand;
mod policy_trust;
mod policy_validity;
mod private_key_in_bundle;
mod public_ca;
mod setting_without_effect;
mod shadowed_ca;
mod shallow_depth;
mod shared_ca;
mod spoofable_header;
mod stale_crl;
mod trusted_key_pair;
mod unanchored_pattern;
mod uncovered_host;
mod unread_crl;
mod unreadable_object;
mod unresolved_option;
mod unusable_ca;
mod unverified_client_cert;
mod unverified_upstream;
mod void_subject_match;
mod vulnerable_version;
mod weak_certificate;

#[cfg(test)]
mod testing;

use crate::fact::{Harm, Remark, RemarkKind};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::site::Site;

/// Every rule, in the order of their ids.
pub static RULES: &[&Rule] = &[
    &client_auth_off::RULE,
    &error_page_bypass::RULE,
    &exception_expired::RULE,
    &expired_ca::RULE,
    &expiring_ca::RULE,
    &foreign_namespace::RULE,
    &intermediate_without_root::RULE,
    &invalid_setting::RULE,
    &malformed_ca_reference::RULE,
    &missing_ca::RULE,
    &not_a_ca::RULE,
    &option_conflict::RULE,
    &optional_client_cert::RULE,
    &overruled_setting::RULE,
    &oversized_bundle::RULE,
    &plaintext_bypass::RULE,
    &policy_demand::RULE,
    &policy_trust::RULE,
    &policy_validity::RULE,
    &private_key_in_bundle::RULE,
    &public_ca::RULE,
    &setting_without_effect::RULE,
    &shadowed_ca::RULE,
    &shallow_depth::RULE,
    &shared_ca::RULE,
    &spoofable_header::RULE,
    &stale_crl::RULE,
    &trusted_key_pair::RULE,
    &unanchored_pattern::RULE,
    &uncovered_host::RULE,
    &unread_crl::RULE,
    &unreadable_object::RULE,
    &unresolved_option::RULE,
    &unusable_ca::RULE,
    &unverified_client_cert::RULE,
    &unverified_upstream::RULE,
    &void_subject_match::RULE,
    &vulnerable_version::RULE,
    &weak_certificate::RULE,
];

/// One sin.
pub struct Rule {
    /// The id, kebab-case, named for the sin.
    pub id: &'static str,
    /// One sentence fragment in lower case: what is wrong.
    pub summary: &'static str,
    /// Why it matters: what the gateways do.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Whether its findings tell what stands in a Secret or ConfigMap: not everybody who may name
    /// one may read it.
    pub of_content: bool,
    /// Finds it.
    pub check: fn(&Subject<'_>, &mut Vec<Finding>),
}

impl Rule {
    /// A finding of this rule.
    pub(crate) fn finding(
        &self,
        severity: Severity,
        site: &Site,
        message: String,
        hint: &str,
    ) -> Finding {
        Finding {
            rule: self.id,
            severity,
            site: site.clone(),
            message,
            hint: hint.to_owned(),
            repair: None,
        }
    }

    /// Passes on what a dialect remarked.
    fn remarked(&self, subject: &Subject<'_>, kind: RemarkKind, findings: &mut Vec<Finding>) {
        let remarks = subject.remarks.iter().filter(|remark| remark.kind == kind);
        findings.extend(remarks.map(|remark| Finding {
            repair: remark.repair.clone(),
            ..self.finding(
                severity(remark),
                &remark.site,
                remark.message.clone(),
                &remark.hint,
            )
        }));
    }
}

/// What rules look at: a host with its remarks, or the remarks of an object without a host.
pub struct Subject<'a> {
    /// The host.
    pub host: Option<&'a Host>,
    /// What the dialects remarked.
    pub remarks: &'a [Remark],
    /// The time, in Unix seconds.
    pub now: i64,
}

fn severity(remark: &Remark) -> Severity {
    match remark.harm {
        Harm::Opens | Harm::Closes => Severity::Error,
        Harm::Harmless => Severity::Warning,
    }
}

/// The rule with an id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_file_is_a_row_and_every_row_a_file() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rule");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files
            .map(|path| {
                path.file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('_', "-")
            })
            .filter(|stem| stem != "testing")
            .collect();
        files.sort();
        let rows: Vec<_> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
        assert_eq!(files, rows);
    }

    #[test]
    fn texts_are_fragments_and_sentences() {
        for rule in RULES {
            assert!(
                !rule.summary.ends_with('.') && rule.why.ends_with('.'),
                "{}",
                rule.id
            );
            assert!(rule.remedy.ends_with('.'), "{}", rule.id);
        }
    }
}
