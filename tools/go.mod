module vz.internal/tools

go 1.26.0

require (
	github.com/stretchr/testify v1.12.1
	github.com/u-root/u-root v0.15.1-0.20251208185023-2f8c7e763cf8
	golang.org/x/mod v0.42.0
	golang.org/x/sys v0.49.0
	vz.internal/vzcontract v0.1.0
	vz.internal/vzcore v0.1.0
	vz.internal/vzlinux v0.1.0
)
