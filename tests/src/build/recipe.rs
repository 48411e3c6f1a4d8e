//! What is built: one row a program. Its pinned modules stand in `tests/recipes/NAME`.

/// One Go program.
pub(super) struct Recipe {
    /// Of the program and of its folder among the recipes.
    pub(super) name: &'static str,
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
            package: ".",
            flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4",
            minutes: 6,
        },
    },
    ControlPlane {
        version: "1.33",
        recipe: Recipe {
            name: "controlplane-1.33",
            package: ".",
            flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.33.13",
            minutes: 6,
        },
    },
    ControlPlane {
        version: "1.37",
        recipe: Recipe {
            name: "controlplane-1.37",
            package: ".",
            flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2",
            minutes: 6,
        },
    },
];
pub(super) const ETCD: Recipe = Recipe {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    flags: "-s -w",
    minutes: 1,
};
pub(super) const TRAEFIK: Recipe = Recipe {
    name: "traefik",
    package: "github.com/traefik/traefik/v3/cmd/traefik",
    flags: "-s -w",
    minutes: 6,
};

pub(super) const SEALED_SECRETS: Recipe = Recipe {
    name: "sealed-secrets",
    package: "github.com/bitnami-labs/sealed-secrets/cmd/controller",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const CERT_MANAGER: Recipe = Recipe {
    name: "cert-manager",
    package: "github.com/cert-manager/cert-manager/cmd/controller",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const CAINJECTOR: Recipe = Recipe {
    name: "cainjector",
    package: "github.com/cert-manager/cert-manager/cmd/cainjector",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const CONTOUR: Recipe = Recipe {
    name: "contour",
    package: "github.com/projectcontour/contour/cmd/contour",
    flags: "-s -w",
    minutes: 2,
};
pub(super) const HELM: Recipe = Recipe {
    name: "helm",
    package: "helm.sh/helm/v3/cmd/helm",
    // Without these it takes every cluster for 1.20.
    flags: "-s -w -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
            -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=35 \
            -X helm.sh/helm/v3/internal/version.version=v3.22.0",
    minutes: 3,
};

/// Nothing of it is built: two modules that hold CRDs.
pub(super) const REPORTS: Recipe = Recipe {
    name: "reports",
    package: ".",
    flags: "",
    minutes: 0,
};
