package vzlinux

// Version is that of the guest agent, the bundles and the host's side, which are
// released together.
const Version = "0.1.0"
