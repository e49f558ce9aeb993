package cli

import (
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/ocicli"
)

// parts are what vz plays for itself where a companion program is missing.
var parts = map[string]func(args []string) int{
	"oci":              ocicli.Main,
	"internal monitor": vzlinuxnative.MonitorMain,
}
