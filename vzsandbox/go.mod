module vz.internal/vzsandbox

go 1.26.0

require vz.internal/vzcontract v0.1.0
