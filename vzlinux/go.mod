module vz.internal/vzlinux

go 1.26.0
