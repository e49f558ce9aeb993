module vz.internal/vzstack

go 1.26.0
