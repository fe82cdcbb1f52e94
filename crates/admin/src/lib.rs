//! The administration shell: grammar, cmdlets, output.
