//go:build !linux

package testreq

import "runtime"

func rootMissing() string { return "Linux namespaces do not exist on " + runtime.GOOS }

func netMissing() string { return rootMissing() }

func userNSMissing() string { return rootMissing() }

func cgroupV2Missing() string { return rootMissing() }
