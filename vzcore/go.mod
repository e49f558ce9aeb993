module vz.internal/vzcore

go 1.26.0

require (
	github.com/containers/gvisor-tap-vsock v0.8.9
	github.com/stretchr/testify v1.12.1
	golang.org/x/net v0.58.0
	golang.org/x/sys v0.49.0
	vz.internal/vzcontract v0.1.0
)
