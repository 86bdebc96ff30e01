"""Exports of label tools to MOTChallenge folders, checked on the way."""
