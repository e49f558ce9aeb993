module vz.internal/vzlinux

go 1.26.0

require (
	github.com/creack/pty v1.1.24
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.49.0
	vz.internal/vzcontract v0.1.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
