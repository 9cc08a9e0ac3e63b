"""LiteRT: conversion and quantization in a child process, which may crash without taking tfopt with it."""
