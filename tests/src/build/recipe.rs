//! What is built: one row a program. Its pinned modules stand in `tests/recipes/FOLDER`.

/// One Go program.
pub(super) struct Recipe {
    /// Of the program.
    pub(super) name: &'static str,
    /// The folder among the recipes that pins its modules.
    pub(super) folder: &'static str,
    /// What is built.
    pub(super) package: &'static str,
    /// For the linker.
    pub(super) flags: &'static str,
    /// How long a cold build takes on two cores.
    pub(super) minutes: u32,
}

/// A control plane, and the version of Kubernetes that it is.
pub(super) struct ControlPlane {
    /// As `1.35`.
    pub(super) version: &'static str,
    pub(super) recipe: Recipe,
}

/// The first is what the tests run on; then the oldest and the newest that are supported.
pub(super) static CONTROL_PLANES: [ControlPlane; 3] = [
    ControlPlane {
        version: "1.35",
        recipe: Recipe {
            name: "controlplane",
            folder: "controlplane",
            package: ".",
            flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4",
            minutes: 6,
        },
    },
    ControlPlane {
        version: "1.33",
        recipe: Recipe {
            name: "controlplane-1.33",
            folder: "controlplane-1.33",
            package: ".",
            flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.33.13",
            minutes: 6,
        },
    },
    ControlPlane {
        version: "1.37",
        recipe: Recipe {
            name: "controlplane-1.37",
            folder: "controlplane-1.37",
            package: ".",
            flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2",
            minutes: 6,
        },
    },
];
pub(super) const ETCD: Recipe = Recipe {
    name: "etcd",
    folder: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    flags: "-s -w",
    minutes: 1,
};
pub(super) const TRAEFIK: Recipe = Recipe {
    name: "traefik",
    folder: "traefik",
    package: "github.com/traefik/traefik/v3/cmd/traefik",
    flags: "-s -w",
    minutes: 6,
};

pub(super) const SEALED_SECRETS: Recipe = Recipe {
    name: "sealed-secrets",
    folder: "sealed-secrets",
    package: "github.com/bitnami-labs/sealed-secrets/cmd/controller",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const CERT_MANAGER: Recipe = Recipe {
    name: "cert-manager",
    folder: "cert-manager",
    package: "github.com/cert-manager/cert-manager/cmd/controller",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const CAINJECTOR: Recipe = Recipe {
    name: "cainjector",
    folder: "cainjector",
    package: ".",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const CONTOUR: Recipe = Recipe {
    name: "contour",
    folder: "contour",
    package: "github.com/projectcontour/contour/cmd/contour",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const HELM: Recipe = Recipe {
    name: "helm",
    folder: "helm",
    package: "helm.sh/helm/v3/cmd/helm",
    // Without these it takes every cluster for 1.20.
    flags: "-s -w -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
            -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=35 \
            -X helm.sh/helm/v3/internal/version.version=v3.22.0",
    minutes: 3,
};

/// What the measurements alone run: the recipe, and the module whose version is told.
pub(super) struct Rival {
    pub(super) recipe: Recipe,
    pub(super) module: &'static str,
}

const fn rival(
    name: &'static str,
    package: &'static str,
    module: &'static str,
    minutes: u32,
) -> Rival {
    let recipe = Recipe {
        name,
        folder: name,
        package,
        flags: "-s -w",
        minutes,
    };
    Rival { recipe, module }
}

pub(super) static RIVALS: [Rival; 5] = [
    rival(
        "kubeconform",
        "github.com/yannh/kubeconform/cmd/kubeconform",
        "github.com/yannh/kubeconform",
        1,
    ),
    rival(
        "kube-score",
        "github.com/zegl/kube-score/cmd/kube-score",
        "github.com/zegl/kube-score",
        2,
    ),
    rival(
        "conftest",
        "github.com/open-policy-agent/conftest",
        "github.com/open-policy-agent/conftest",
        4,
    ),
    rival(
        "step",
        "github.com/smallstep/cli/cmd/step",
        "github.com/smallstep/cli",
        3,
    ),
    rival(
        "gatekeeper",
        "github.com/open-policy-agent/gatekeeper/v3",
        "github.com/open-policy-agent/gatekeeper/v3",
        4,
    ),
];

/// The real kubectl, built from the modules of the control plane.
pub(super) const KUBECTL: Recipe = Recipe {
    name: "kubectl",
    folder: "controlplane",
    package: "k8s.io/kubernetes/cmd/kubectl",
    flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4",
    minutes: 2,
};

/// Nothing of it is built: two modules that hold CRDs.
pub(super) const REPORTS: Recipe = Recipe {
    name: "reports",
    folder: "reports",
    package: ".",
    flags: "",
    minutes: 0,
};

/// Programs that releases are held against.
pub(super) const KREW: Recipe = judge("krew", "sigs.k8s.io/krew/cmd/krew");
pub(super) const KREW_VALIDATION: Recipe = judge(
    "validate-krew-manifest",
    "sigs.k8s.io/krew/cmd/validate-krew-manifest",
);
pub(super) const ACTIONLINT: Recipe =
    judge("actionlint", "github.com/rhysd/actionlint/cmd/actionlint");

const fn judge(name: &'static str, package: &'static str) -> Recipe {
    Recipe {
        name,
        folder: "releases",
        package,
        flags: "-s -w",
        minutes: 1,
    }
}
