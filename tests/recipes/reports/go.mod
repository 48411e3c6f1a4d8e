module kubectl-mtls.github.io/tests/reports

go 1.26

require (
	github.com/kyverno/kyverno v1.19.1
	github.com/openreports/reports-api v0.2.1
)
