"""The house's own rules about a cluster's template, for `cfn-lint --append-rules tools/cfnlint_rules`."""
