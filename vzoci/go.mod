module vz.internal/vzoci

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/google/go-containerregistry v0.22.1
	github.com/klauspost/compress v1.20.3
	github.com/stretchr/testify v1.12.1
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
	vz.internal/vzcontract v0.1.0
	vz.internal/vzcore v0.1.0
	vz.internal/vzlinux v0.1.0
)

require (
	github.com/creack/pty v1.1.24 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
