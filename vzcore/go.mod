module vz.internal/vzcore

go 1.26.0
