module vz.internal/tools

go 1.26.0

require (
	github.com/u-root/u-root v0.15.1-0.20251208185023-2f8c7e763cf8
	golang.org/x/mod v0.42.0
	vz.internal/vzlinux v0.1.0
)
