//! The kustomization, and the Helm chart: the manifests with values in the places that `webhook print` has flags for.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

const CHART: &str = "charts/kubectl-mtls-webhook";
const HEAD: &str = "{{- /* Generated from the manifests by `cargo xtask codegen`. */ -}}\n";
const NAMESPACE: (&str, &str) = (
    "namespace: kubectl-mtls\n",
    "namespace: {{ .Release.Namespace }}\n",
);

/// What is replaced in a manifest; each must be found.
type Changes = &'static [(&'static str, &'static str)];

const TEMPLATES: &[(&str, Changes)] = &[
    ("serviceaccount.yaml", &[NAMESPACE]),
    (
        "rbac.yaml",
        &[
            NAMESPACE,
            (
                "- apiGroups: [\"\"]\n  resources: [configmaps, secrets]\n  verbs: [get]\n",
                "{{- if not .Values.secretNamespaces }}\n- apiGroups: [\"\"]\n  resources: [configmaps, secrets]\n  verbs: [get]\n{{- end }}\n",
            ),
        ],
    ),
    (
        "resourcequota.yaml",
        &[
            NAMESPACE,
            (
                "apiVersion: v1\n",
                "{{- if ne .Values.priorityClass \"none\" }}\napiVersion: v1\n",
            ),
            (
                "      - system-cluster-critical\n",
                "      - {{ .Values.priorityClass }}\n{{- end }}\n",
            ),
        ],
    ),
    ("networkpolicy.yaml", &[NAMESPACE]),
    (
        "service.yaml",
        &[
            NAMESPACE,
            ("port: 443\n", "port: {{ .Values.servicePort }}\n"),
        ],
    ),
    ("deployment.yaml", DEPLOYMENT),
    ("poddisruptionbudget.yaml", &[NAMESPACE]),
    ("webhooks.yaml", WEBHOOKS),
];

const DEPLOYMENT: Changes = &[
    NAMESPACE,
    ("  replicas: 2\n", "  replicas: {{ .Values.replicas }}\n"),
    (
        "  template:\n    metadata:\n",
        "  template:\n    metadata:\n      {{- with .Values.config }}\n      annotations:\n        kubectl-mtls.github.io/config: {{ . | sha256sum }}\n      {{- end }}\n",
    ),
    (
        "      priorityClassName: system-cluster-critical\n",
        "      {{- if ne .Values.priorityClass \"none\" }}\n      priorityClassName: {{ .Values.priorityClass }}\n      {{- end }}\n",
    ),
    (
        "        image: ghcr.io/kubectl-mtls/mtls-webhook:v0.1.0\n",
        "        image: {{ .Values.image }}\n",
    ),
    (
        "        - --cert-mode=self-managed\n",
        "        {{- if eq .Values.certMode \"self-managed\" }}
        - --cert-mode=self-managed
        {{- else }}
        - --cert-mode=files
        - --tls-cert=/tls/tls.crt
        - --tls-key=/tls/tls.key
        {{- end }}
        {{- if .Values.config }}
        - --config=/config/config.yaml
        {{- end }}
        {{- if .Values.apiServerCA }}
        - --api-server-ca=/api-server-ca/ca.crt
        {{- end }}
        {{- with .Values.apiServerName }}
        - {{ printf \"--api-server-name=%s\" . | quote }}
        {{- end }}
        {{- with .Values.warn }}
        - --warn={{ join \",\" . }}
        {{- end }}
        {{- if .Values.noRepair }}
        - --no-repair
        {{- end }}
        {{- if .Values.openReports }}
        - --open-reports
        {{- end }}
",
    ),
    (
        "        resources:
          requests:
            cpu: 20m
            memory: 32Mi
          limits:
            memory: 256Mi
",
        "        resources: {{- toYaml .Values.resources | nindent 10 }}\n",
    ),
    (
        "          readOnlyRootFilesystem: true\n",
        "          readOnlyRootFilesystem: true
        {{- if or .Values.config .Values.apiServerCA (ne .Values.certMode \"self-managed\") }}
        volumeMounts:
        {{- if ne .Values.certMode \"self-managed\" }}
        - name: tls
          mountPath: /tls
          readOnly: true
        {{- end }}
        {{- if .Values.config }}
        - name: config
          mountPath: /config
          readOnly: true
        {{- end }}
        {{- if .Values.apiServerCA }}
        - name: api-server-ca
          mountPath: /api-server-ca
          readOnly: true
        {{- end }}
      volumes:
      {{- if ne .Values.certMode \"self-managed\" }}
      - name: tls
        secret:
          secretName: mtls-webhook-tls
      {{- end }}
      {{- if .Values.config }}
      - name: config
        configMap:
          name: mtls-webhook-config
      {{- end }}
      {{- if .Values.apiServerCA }}
      - name: api-server-ca
        configMap:
          name: mtls-webhook-api-server-ca
      {{- end }}
        {{- end }}
",
    ),
];

const WEBHOOKS: Changes = &[
    NAMESPACE,
    (
        "metadata:\n  name: kubectl-mtls\n",
        "metadata:\n  name: kubectl-mtls\n  {{- if eq .Values.certMode \"cert-manager\" }}\n  annotations:\n    cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/mtls-webhook\n  {{- end }}\n",
    ),
    (
        "  failurePolicy: Ignore # routes\n",
        "  failurePolicy: {{ .Values.failPolicy }}\n",
    ),
    (
        "  clientConfig:\n",
        "  clientConfig:\n    {{- with .Values.caBundle }}\n    caBundle: {{ . | b64enc }}\n    {{- end }}\n",
    ),
    (
        "      port: 443\n",
        "      port: {{ .Values.servicePort }}\n",
    ),
    (
        "      values: [kubectl-mtls]\n",
        "      values: [{{ .Release.Namespace }}]\n    {{- with .Values.namespaceSelector }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n",
    ),
    (
        "      values: [kube-system, kubectl-mtls]\n",
        "      values: [kube-system, {{ .Release.Namespace }}]\n    {{- with .Values.namespaceSelector }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n",
    ),
];

/// The kustomization, and every generated file of the chart, with their texts. What the chart does not know by name is taken
/// over as it is, so that no manifest is forgotten.
pub(super) fn files() -> anyhow::Result<Vec<(String, String)>> {
    let root = crate::root();
    let mut files = vec![("manifests/kustomization.yaml".to_owned(), kustomization()?)];
    for name in names(&root.join("manifests"))? {
        let text = read(&format!("manifests/{name}"))?;
        match TEMPLATES.iter().find(|(known, _)| *known == name) {
            Some((_, changes)) => files.push((template(&name), changed(&name, &text, changes)?)),
            None if ["kustomization.yaml", "namespace.yaml"].contains(&&*name) => {}
            None => files.push((template(&name), escaped(&text))),
        }
    }
    for name in names(&root.join("manifests/crds"))? {
        files.push((
            format!("{CHART}/crds/{name}"),
            read(&format!("manifests/crds/{name}"))?,
        ));
    }
    Ok(files)
}

/// The kustomization of the manifests. The namespace comes before what stands in it, and what refuses
/// comes last.
fn kustomization() -> anyhow::Result<String> {
    let root = crate::root().join("manifests");
    let crds = names(&root.join("crds"))?;
    let mut all: Vec<_> = crds.iter().map(|name| format!("crds/{name}")).collect();
    all.extend(names(&root)?);
    all.retain(|name| name != "kustomization.yaml");
    all.sort_by_key(|name| match name.as_str() {
        "namespace.yaml" => 0,
        "admission-policies.yaml" => 2,
        "webhooks.yaml" => 3,
        _ => 1,
    });
    let resources: String = all.iter().map(|name| format!("- {name}\n")).collect();
    Ok(format!(
        "# Generated from the files beside it by `cargo xtask codegen`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
{resources}"
    ))
}

fn template(name: &str) -> String {
    format!("{CHART}/templates/{name}")
}

fn read(name: &str) -> anyhow::Result<String> {
    fs::read_to_string(crate::root().join(name)).with_context(|| format!("reading {name}"))
}

/// The YAML files of a folder, sorted; none where there is no folder.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", folder.display())),
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    Ok(names)
}

fn changed(name: &str, text: &str, changes: Changes) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    for (from, to) in changes {
        ensure!(
            text.contains(from),
            "manifests/{name} has changed, and the chart does not find {from:?} there any more: \
             adapt xtask/src/codegen/chart.rs"
        );
        text = text.replace(from, to);
    }
    Ok(format!("{HEAD}{text}"))
}

/// Text that Helm must not read as a template; only the namespace is a value.
fn escaped(text: &str) -> String {
    let text = text.replace("{{", "{{ \"{{\" }}");
    let text = text.replace(NAMESPACE.0, NAMESPACE.1);
    let own = "values: [kubectl-mtls]";
    format!(
        "{HEAD}{}",
        text.replace(own, "values: [{{ .Release.Namespace }}]")
    )
}
