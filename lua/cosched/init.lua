return require "cosched.core"
